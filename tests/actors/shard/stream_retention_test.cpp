#include <catch2/catch.hpp>

#include "cluster/topic_names.hpp"
#include "tests/sim/small_node.hpp"

using namespace weir;

namespace {

constexpr std::int64_t day_ms = 86'400'000, default_ms = 7 * day_ms;

std::map<std::string, std::int64_t> kept_for(event_log& log) {
  std::map<std::string, std::int64_t> out;
  const auto topics = log.topics();
  REQUIRE(topics);
  for (const auto& t : *topics) out[t.name] = t.retention_ms;
  return out;
}

std::string script(const std::string& retention) {
  return "CREATE TABLE readings (at timestamptz NOT NULL, sensor text NOT NULL, value double precision)\n"
         "  WITH (format = 'json', event_time = 'at'" +
         retention +
         ");\n"
         "CREATE MATERIALIZED VIEW plain AS SELECT sensor, value FROM readings;\n";
}

}  // namespace

TEST_CASE("a stream's retention is its topic's, and follows the declaration") {
  const auto first = script(", retention = '30 days'");
  bench b({instrument("i", {record(1, "a")})}, 1, first.c_str());
  const auto stream = topic::stream("weir", "readings"), dead = topic::dead("weir", "readings");
  const auto make = [&] { REQUIRE(create_topics(b.log, "weir", 1, *b.node->control().plan(), default_ms, 0)); };
  make();
  CHECK(kept_for(b.log).at(stream) == 30 * day_ms);
  CHECK(kept_for(b.log).at(dead) == default_ms);
  CHECK(kept_for(b.log).at(topic::view("weir", "plain")) == default_ms);
  b.node->replace_pipeline("p", script(", retention = '1 day'"));
  make();
  CHECK(kept_for(b.log).at(stream) == day_ms);
  b.node->replace_pipeline("p", script(""));
  make();
  CHECK(kept_for(b.log).at(stream) == default_ms);
  REQUIRE(b.node->run_to_rest());
  CHECK(b.rows("plain").size() == 1);
}

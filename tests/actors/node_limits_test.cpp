// Limits of config.toml at work in a real node: each is gone past, the neighbours go on.
#include <catch2/catch.hpp>

#include "tests/actors/running_node.hpp"

using namespace weir;
using namespace weir::testing;
using Catch::Contains;

namespace {

const char* const streams_sql = R"(
CREATE TABLE one (k text NOT NULL, v bigint) WITH (format = 'json');
CREATE TABLE two (k text NOT NULL, v bigint) WITH (format = 'json');
CREATE MATERIALIZED VIEW ones AS SELECT k, v FROM one;
CREATE MATERIALIZED VIEW twos AS SELECT k, v FROM two;
)";

std::string refusal(running_node& n, const std::string& pipeline, const std::string& sql) {
  const auto r = n.answer([&](node_api::reply reply) {
    n.api().apply_pipeline({pipeline, sql, false, true}, std::move(reply));
  });
  return r ? "accepted" : r.error().text();
}

std::uint64_t rows_of(running_node& n, const std::string& view) { return (*n.api().get_view(view))["rows"]; }

std::vector<std::string> keys(std::size_t count) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(fmt::format(R"({{"k":"k{:05}","v":{}}})", i, i));
  return out;
}

// A pipeline over its limit stops with its reason; the other one and the next source of the same stream go on.
void stops_alone(const std::string& view, const std::string& limit, const std::function<void(config&)>& lower) {
  running_node n;
  lower(n.settings);
  n.start();
  n.apply("main", streams_sql);
  n.apply("sick", view);
  n.add_file("many", "one", keys(5'000));
  INFO("pipelines " << n.api().list_pipelines().dump());
  REQUIRE(n.comes_true([&] { return (*n.api().get_pipeline("sick"))["state"] == "quarantined"; }));
  CHECK_THAT((*n.api().get_pipeline("sick"))["error"].get<std::string>(), Contains(limit));
  CHECK_FALSE(n.api().ready().ok);
  n.add_file("later", "one", {R"({"k":"later","v":1})"});
  CHECK(n.comes_true([&] { return rows_of(n, "ones") == 5'001; }));
  CHECK((*n.api().get_pipeline("main"))["state"] == "running");
}

}  // namespace

TEST_CASE("sources over limits.sources are refused, by command and at the start") {
  running_node n;
  n.settings.limits.sources = 2;
  n.start();
  n.apply("main", streams_sql);
  n.add_file("a", "one", keys(1));
  n.add_file("b", "one", keys(1));
  const auto third = n.answer([&](node_api::reply reply) {
    n.api().add_sources({{"c", "one", "file", {{"path", n.folder.path("a")}}}}, std::move(reply));
  });
  REQUIRE_FALSE(third);
  CHECK_THAT(third.error().text(), Contains("limits.sources = 2"));
  CHECK(n.api().list_sources({})["items"].size() == 2);
  n.stop();
  source_config listed;
  listed.name = "c";
  listed.stream = "one";
  listed.connector = "file";
  listed.options = {{"path", n.folder.path("a")}};
  n.settings.listed_sources = {listed};
  const auto started = node::start(n.settings);
  REQUIRE_FALSE(started);
  CHECK_THAT(started.error().text(), Contains("limits.sources = 2"));
}

TEST_CASE("streams and views over limits.streams and limits.views are refused, by command and at the start") {
  running_node n;
  n.write("main.sql", {streams_sql});
  n.settings.pipelines = {{"main", n.folder.path("main.sql"), "beginning"}};
  n.settings.limits.streams = 1;
  const auto one_stream = node::start(n.settings);
  REQUIRE_FALSE(one_stream);
  CHECK_THAT(one_stream.error().text(), Contains("limits.streams = 1"));
  n.settings.limits.streams = 2;
  n.settings.limits.views = 1;
  const auto one_view = node::start(n.settings);
  REQUIRE_FALSE(one_view);
  CHECK_THAT(one_view.error().text(), Contains("limits.views = 1"));
  n.settings.limits.views = 2;
  n.start();
  CHECK_THAT(refusal(n, "more", "CREATE TABLE three (k text) WITH (format = 'json');"), Contains("limits.streams = 2"));
  CHECK_THAT(refusal(n, "more", "CREATE MATERIALIZED VIEW threes AS SELECT k FROM one;"), Contains("limits.views = 2"));
}

TEST_CASE("a statement over limits.statement_bytes is refused, by command, as a query and at the start") {
  running_node n;
  n.write("main.sql", {streams_sql});
  n.settings.limits.statement_bytes = 256;
  n.start();
  n.apply("main", streams_sql);
  const auto padded = "SELECT k FROM one" + std::string(300, ' ') + "WHERE v > 1";
  CHECK_THAT(refusal(n, "long", "CREATE MATERIALIZED VIEW long AS " + padded + ";"), Contains("256"));
  const auto asked = n.api().query("SELECT k FROM ones" + std::string(300, ' ') + "WHERE v > 1");
  REQUIRE_FALSE(asked);
  CHECK_THAT(asked.error().text(), Contains("256"));
  n.stop();
  n.write("long.sql", {"CREATE MATERIALIZED VIEW long AS " + padded + ";"});
  n.settings.pipelines = {{"long", n.folder.path("long.sql"), "beginning"}};
  const auto started = node::start(n.settings);
  REQUIRE_FALSE(started);
  CHECK_THAT(started.error().text(), Contains("256"));
}

TEST_CASE("more groups than limits.view_groups stop their pipeline alone") {
  stops_alone("CREATE MATERIALIZED VIEW groups WITH (ttl = '1 day') AS SELECT k, count(*) AS n FROM one GROUP BY k;",
              "limits.view_groups", [](config& c) { c.limits.view_groups = 100; });
}

TEST_CASE("more values than limits.distinct_values stop their pipeline alone") {
  stops_alone(
      "CREATE MATERIALIZED VIEW ds WITH (ttl = '1 day') AS SELECT source, count(DISTINCT k) AS n FROM one "
      "GROUP BY source;",
      "limits.distinct_values", [](config& c) { c.limits.distinct_values = 100; });
}

TEST_CASE("more state than limits.view_state stops its pipeline alone") {
  stops_alone(
      "CREATE MATERIALIZED VIEW wide WITH (ttl = '1 day') AS SELECT rpad(k, 2000, 'x') AS w, count(*) AS n "
      "FROM one GROUP BY rpad(k, 2000, 'x');",
      "limits.view_state", [](config& c) { c.limits.view_state_bytes = 1 << 20; });
}

TEST_CASE("a running table with max_rows takes more distinct keys than limits.view_groups") {
  running_node n;
  n.settings.limits.view_groups = 10'000;
  n.settings.commit.max_bytes = 64 << 10;  // rows beyond max_rows go at the end of an epoch
  n.settings.limits.chunk_records = 500;
  n.start();
  n.apply("main", streams_sql);
  n.apply("capped",
          "CREATE MATERIALIZED VIEW capped WITH (max_rows = 50) AS SELECT k, count(*) AS n FROM one GROUP BY k;");
  n.add_file("many", "one", keys(60'000));
  CHECK(n.comes_true([&] { return rows_of(n, "ones") == 60'000; }));
  CHECK(n.comes_true([&] { return rows_of(n, "capped") == 2 * 50; }));  // per shard
  CHECK((*n.api().get_pipeline("capped"))["state"] == "running");
}

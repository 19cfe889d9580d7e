// A shard on a log whose disk is full: it holds what it has, takes no more than its queues, says so, and goes on.
#include <catch2/catch.hpp>

#include "runtime/log/sim_log.hpp"
#include "tests/support/sim_node.hpp"
#include "tests/support/temp_folder.hpp"

using namespace weir;

namespace {

const char* const sql = R"(
CREATE TABLE readings (id bigint NOT NULL) WITH (format = 'json');
CREATE MATERIALIZED VIEW ids AS SELECT id FROM readings;
CREATE MATERIALIZED VIEW totals WITH (max_rows = 100) AS SELECT id % 3 AS k, count(*) AS n FROM readings
  GROUP BY id % 3;
)";

}  // namespace

TEST_CASE("while nothing can be committed a shard is held, and fails neither itself nor a pipeline") {
  temp_folder folder;
  sim_log log{sim_log_options{}};
  sim_node_options options;
  options.shards = 2;
  options.shard.ingest_queue_bytes = 1'000;
  options.shard.epoch_max_bytes = 2'000;
  std::vector<scripted_source> sources(2);
  for (std::size_t s = 0; s < sources.size(); ++s) {
    sources[s].name = fmt::format("s{}", s);
    sources[s].stream = "readings";
    for (int i = 0; i < 300; ++i) sources[s].records.push_back(fmt::format(R"({{"id":{}}})", i));
  }
  sim_node node(log, folder.path("state"), options, {{"p", sql}}, sources);
  for (int i = 0; i < 300; ++i)
    if (!node.step()) node.pass_time(1'000);

  log.set_faults({.no_space = 1});
  for (int i = 0; i < 20'000; ++i)
    if (!node.step()) node.pass_time(1'000);
  const auto commits = node.at(0).commits() + node.at(1).commits();
  bool held = false;
  for (int i = 0; i < 2; ++i) {
    held = held || node.at(i).held();
    CHECK(node.at(i).running());
    CHECK(node.at(i).queue_bytes() <= 1'200);
  }
  CHECK(held);
  node.pass_time(5'000'000);
  for (int i = 0; i < 2'000; ++i)
    if (!node.step()) node.pass_time(1'000);
  CHECK(node.at(0).commits() + node.at(1).commits() == commits);

  log.set_faults({});
  REQUIRE(node.run_to_rest());
  for (int i = 0; i < 2; ++i) CHECK_FALSE(node.at(i).held());
  CHECK(node.failed_shards.empty());
  CHECK(node.restarted.empty());
  CHECK(node.quarantined.empty());
  CHECK(final_rows(log, "weir", node.control().plan()->names.views.at("ids"), 2).size() == 600);
  CHECK(final_rows(log, "weir", node.control().plan()->names.views.at("totals"), 2) ==
        std::vector<std::string>{R"({"k":0,"n":200})", R"({"k":1,"n":200})", R"({"k":2,"n":200})"});
}

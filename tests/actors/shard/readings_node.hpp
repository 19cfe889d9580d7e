// A node whose log takes nothing for a while, and what must stand once it does.
#pragma once

#include <catch2/catch.hpp>

#include "runtime/log/sim_log.hpp"
#include "tests/support/sim_node.hpp"
#include "tests/support/temp_folder.hpp"

namespace weir::test {

// Two shards that read two sources of 300 records, on a log that a test lets fail.
struct readings_node {
  static constexpr const char* sql = R"(
CREATE TABLE readings (id bigint NOT NULL) WITH (format = 'json');
CREATE MATERIALIZED VIEW ids AS SELECT id FROM readings;
CREATE MATERIALIZED VIEW totals WITH (max_rows = 100) AS SELECT id % 3 AS k, count(*) AS n FROM readings
  GROUP BY id % 3;
)";

  static sim_node_options small_queues() {
    sim_node_options o;
    o.shards = 2;
    o.shard.ingest_queue_bytes = 1'000;
    o.shard.epoch_max_bytes = 2'000;
    return o;
  }
  explicit readings_node(const sim_node_options& options = small_queues())
      : node(log, folder.path("state"), options, {{"p", sql}}, sources()) {}

  static std::vector<scripted_source> sources() {
    std::vector<scripted_source> out(2);
    for (std::size_t s = 0; s < out.size(); ++s) {
      out[s].name = fmt::format("s{}", s);
      out[s].stream = "readings";
      for (int i = 0; i < 300; ++i) out[s].records.push_back(fmt::format(R"({{"id":{}}})", i));
    }
    return out;
  }

  void run(int steps) {
    for (int i = 0; i < steps; ++i)
      if (!node.step()) node.pass_time(1'000);
  }
  void check_the_end() {
    log.set_faults({});
    REQUIRE(node.run_to_rest());
    for (int i = 0; i < 2; ++i) CHECK_FALSE(node.at(i).held());
    CHECK(node.quarantined.empty());
    CHECK(node.restarted.empty());
    CHECK(final_rows(log, "weir", node.control().plan()->names.views.at("ids"), 2).size() == 600);
    CHECK(final_rows(log, "weir", node.control().plan()->names.views.at("totals"), 2) ==
          std::vector<std::string>{R"({"k":0,"n":200})", R"({"k":1,"n":200})", R"({"k":2,"n":200})"});
  }

  temp_folder folder;
  sim_log log;
  sim_node node;
};

}  // namespace weir::test

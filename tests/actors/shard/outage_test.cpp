// A shard whose log does not answer for a while: it waits, spends no restarts, fails no pipeline, and goes on.
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

const sim_faults outage{.unavailable = 1, .read_error = 1};

struct node_with_outages {
  static sim_node_options options() {
    sim_node_options o;
    o.shards = 2;
    o.shard.ingest_queue_bytes = 1'000;
    o.shard.epoch_max_bytes = 2'000;
    o.shard.task_queue_bytes = 300;  // tasks fall behind and read the log
    return o;
  }
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
  // Longer than anything that counts its tries would last.
  void run_for_a_minute() {
    for (const auto end = node.now_us() + 60'000'000; node.now_us() < end;)
      if (!node.step()) node.pass_time(50'000);
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
  sim_node node{log, folder.path("state"), options(), {{"p", sql}}, sources()};
};

}  // namespace

TEST_CASE("a log that does not answer holds a shard, which keeps what is ready") {
  node_with_outages f;
  f.run(300);
  f.log.set_faults(outage);
  f.run_for_a_minute();
  for (int i = 0; i < 2; ++i) {
    CHECK(f.node.at(i).running());
    CHECK(f.node.at(i).held().value_or(error{}).code == errc::unavailable);
  }
  f.check_the_end();
  CHECK(f.node.failed_shards.empty());
}

TEST_CASE("a shard that opens while the log does not answer waits, and spends no restarts") {
  node_with_outages f;
  f.run(300);
  auto faults = outage;
  faults.on_commit = [](std::string_view, std::span<const log_append>) { return sim_outcome::timed_out; };
  f.log.set_faults(faults);
  f.run_for_a_minute();
  CHECK(f.node.failed_shards.size() <= 2);  // each once, of the commit whose outcome is not known
  CHECK_FALSE(f.node.failed_shards.empty());
  CHECK((f.node.at(0).held() || f.node.at(1).held()));
  f.check_the_end();
}

TEST_CASE("a pipeline that is restored while the log does not answer is not quarantined") {
  node_with_outages f;
  while (!f.node.at(0).running() && !f.node.at(1).running())
    if (!f.node.step()) f.node.pass_time(1'000);
  const int first = f.node.at(0).running() ? 0 : 1;
  f.log.set_faults(outage);
  f.run_for_a_minute();
  const auto waits = f.node.at(first).pipelines().at("p");
  CHECK(waits.state == "restarting");
  CHECK(waits.error.find("outage") != std::string::npos);
  f.check_the_end();
  CHECK(f.node.at(first).pipelines().at("p").error.empty());
}

TEST_CASE("a pipeline that reads the log while it does not answer neither fails nor counts attempts") {
  node_with_outages f;
  auto faults = outage;
  faults.on_commit = [](std::string_view, std::span<const log_append>) { return sim_outcome::applied; };
  for (int i = 0; i < 30; ++i) {
    f.run(40);
    f.log.set_faults(faults);
    f.run(40);
    f.log.set_faults({});
  }
  f.check_the_end();
  for (int i = 0; i < 2; ++i) CHECK(topic_values(f.log, "weir.attempts", 2).empty());
}

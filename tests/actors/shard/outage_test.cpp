// A shard whose log does not answer for a while: it waits, spends no restarts, fails no pipeline, and goes on.
#include "tests/actors/shard/readings_node.hpp"

using namespace weir;

namespace {

const sim_faults outage{.unavailable = 1, .read_error = 1};

struct node_with_outages : test::readings_node {
  static sim_node_options options() {
    auto o = small_queues();
    o.shard.task_queue_bytes = 300;  // tasks fall behind and read the log
    return o;
  }
  node_with_outages() : readings_node(options()) {}

  // Longer than anything that counts its tries would last.
  void run_for_a_minute() {
    for (const auto end = node.now_us() + 60'000'000; node.now_us() < end;)
      if (!node.step()) node.pass_time(50'000);
  }
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

// A shard on a log whose disk is full: it holds what it has, takes no more than its queues, says so, and goes on.
#include "tests/actors/shard/readings_node.hpp"

using namespace weir;

TEST_CASE("while nothing can be committed a shard is held, and fails neither itself nor a pipeline") {
  test::readings_node f;
  auto& node = f.node;
  f.run(300);

  f.log.set_faults({.no_space = 1});
  f.run(20'000);
  const auto commits = node.at(0).commits() + node.at(1).commits();
  bool held = false;
  for (int i = 0; i < 2; ++i) {
    held = held || node.at(i).held();
    CHECK(node.at(i).running());
    CHECK(node.at(i).queue_bytes() <= 1'200);
  }
  CHECK(held);
  node.pass_time(5'000'000);
  f.run(2'000);
  CHECK(node.at(0).commits() + node.at(1).commits() == commits);

  f.check_the_end();
  CHECK(node.failed_shards.empty());
}

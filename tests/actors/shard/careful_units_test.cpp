#include <catch2/catch.hpp>

#include "cluster/topic_names.hpp"
#include "tests/sim/small_node.hpp"

using namespace weir;

namespace {

std::size_t attempts_of(event_log& log, std::string_view pipeline) {
  const auto reader = log.read(topic::attempts("weir"), 0, 0);
  REQUIRE(reader);
  std::size_t count = 0;
  for (;;) {
    const auto entries = (*reader)->fetch(1 << 20);
    REQUIRE(entries);
    if (entries->empty()) return count;
    for (const auto& e : *entries) count += e.key == pipeline ? 1 : 0;
  }
}

}  // namespace

TEST_CASE("after an unclean exit all that was in flight is one unit, not one for each entry of the log") {
  std::vector<std::string> records;
  for (int i = 0; i < 59; ++i) records.push_back(record(i, i % 3 == 0 ? "a" : "b"));
  const std::vector sources{instrument("i", records)};
  bench b(sources);
  b.node->hang_next(job_kind::task, "p");
  for (int i = 0; i < 2'000; ++i)
    if (!b.node->step()) b.node->pass_time(6'000);
  REQUIRE(b.node->hanging_job());
  const auto in_flight = partition_values(b.log, topic::stream("weir", "readings"), 0).size();
  CHECK(in_flight > 10);
  b.node.reset();
  b.node.emplace(b.log, b.folder.path("state"), sim_node_options{},
                 std::map<std::string, std::string>{{"p", small_sql}}, sources);
  REQUIRE(b.node->run_to_rest());
  CHECK(b.rows("plain").size() == records.size());
  CHECK(attempts_of(b.log, "p") > 0);
  CHECK(attempts_of(b.log, "p") < 4);  // the stream's, the shuffle's
}

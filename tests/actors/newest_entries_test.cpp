#include "actors/newest_entries.hpp"

#include <catch2/catch.hpp>

#include "runtime/log/sim_log.hpp"

using namespace weir;

namespace {

struct topic_under_test {
  explicit topic_under_test(sim_log_options options = {}) : log(std::move(options)) {
    REQUIRE(log.create_topic({"t", 1, topic_kind::append, 0, 0}));
  }
  void put(int count) {
    auto writer = log.open_writer("w");
    REQUIRE(writer);
    for (; count > 0; --count) {
      const auto value = std::to_string(written++);
      const log_append append{"t", 0, {}, value, {}, 0};
      REQUIRE((*writer)->commit({&append, 1}));
    }
  }
  // From the newest entry below `before` back.
  std::vector<std::string> back(std::int64_t before) {
    entries_back entries(log, "t", 0, before);
    std::vector<std::string> out;
    for (;;) {
      auto next = entries.peek();
      REQUIRE(next);
      if (*next == nullptr) return out;
      out.push_back((*next)->value.value_or(""));
      entries.pop();
    }
  }
  std::int64_t end() { return ends_of(log, "t", 1).value().front(); }

  sim_log log;
  int written = 0;
};

}  // namespace

TEST_CASE("entries are read back to the topic's start") {
  topic_under_test t;
  t.put(100);
  const auto all = t.back(t.end());
  REQUIRE(all.size() == 100);
  CHECK(all.front() == "99");
  CHECK(all.back() == "0");
  CHECK(t.back(3) == std::vector<std::string>{"2", "1", "0"});
}

TEST_CASE("what stands before a loss of power is read back over what was lost") {
  topic_under_test t({.reserve_offsets = 1'000});
  t.put(5);
  for (int loss = 0; loss < 2; ++loss) {
    REQUIRE(t.log.lose_tail(2));
    const auto lost_end = t.end();
    const std::vector<std::string> stands =
        loss == 0 ? std::vector<std::string>{"2", "1", "0"} : std::vector<std::string>{"5", "2", "1", "0"};
    CHECK(t.back(lost_end) == stands);
    CHECK(t.back(lost_end - 1) == stands);  // a position in the lost range
    t.put(3);
  }
  CHECK(t.back(t.end()) == std::vector<std::string>{"10", "9", "8", "5", "2", "1", "0"});
}

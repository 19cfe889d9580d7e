#include "actors/live_pace.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "actors/live_hub.hpp"

using namespace weir;
using namespace std::chrono_literals;

namespace {

// Two cores; a test says how much of them ingest and pipelines use.
struct paced {
  explicit paced(double messages_per_s) : pace({messages_per_s, 2, [this] { return work; }}) {}
  void pass(std::chrono::nanoseconds time, double share) {
    now += time;
    work += std::chrono::duration_cast<std::chrono::nanoseconds>(time * 2 * share);
  }

  std::chrono::nanoseconds work{0};
  live_pace::clock::time_point now;
  live_pace pace;
};

// A node that is always busy.
live_pace always_busy(double messages_per_s) {
  return live_pace({messages_per_s, 1, [work = 0ns]() mutable { return work += 24h; }});
}

}  // namespace

TEST_CASE("a node with time to spare wakes followers at once, however many", "[live]") {
  paced p(1'000);
  for (int i = 0; i < 50; ++i) {
    p.pass(20ms, 0.4);
    CHECK(p.pace.earliest(p.now) <= p.now);
    p.pace.woken(10'000, p.now);
  }
}

TEST_CASE("on a busy node the messages of all topics keep to the pace, and none waits longer than a second", "[live]") {
  paced p(1'000);
  p.pass(1s, 1);
  CHECK(p.pace.earliest(p.now) <= p.now);
  p.pace.woken(200, p.now);
  CHECK(p.pace.earliest(p.now) == p.now + 200ms);
  p.pass(200ms, 1);
  p.pace.woken(50, p.now);
  p.pace.woken(50, p.now);
  CHECK(p.pace.earliest(p.now) == p.now + 100ms);
  p.pass(100ms, 1);
  p.pace.woken(1'000'000, p.now);
  CHECK(p.pace.earliest(p.now) == p.now + live_pace::longest_wait);
  p.pass(live_pace::look_every, 0.1);  // no longer busy: nobody waits for what was
  CHECK(p.pace.earliest(p.now) <= p.now);
}

TEST_CASE("without a limit, or without a measure of work, nothing waits", "[live]") {
  paced p(0);
  p.pass(1s, 1);
  p.pace.woken(1'000'000, p.now);
  CHECK(p.pace.earliest(p.now) <= p.now);
  live_pace none;
  none.woken(1'000'000, p.now);
  CHECK(none.earliest(p.now) <= p.now);
}

TEST_CASE("live messages over gateway.busy_messages wait for one another while the node is busy", "[live]") {
  live_hub hub;
  hub.set_pace(always_busy(1'000));
  std::atomic<int> woken = 0, others = 0;
  for (int i = 0; i < 300; ++i) hub.follow("v", [&] { ++woken; });
  hub.follow("w", [&] { ++others; });
  const auto from = std::chrono::steady_clock::now();
  hub.committed("v", 0, 1, true);
  CHECK(woken == 300);
  hub.committed("v", 0, 2, true);
  hub.committed("w", 0, 1, true);
  hub.committed("v", 0, 3, true);
  CHECK(hub.behind("v", {1}) == live_hub::more::no);  // of what it was told
  while (others == 0) std::this_thread::yield();
  CHECK(std::chrono::steady_clock::now() - from >= 600ms);
  CHECK(woken == 600);  // two commits were one
  CHECK(hub.behind("v", {2}) == live_hub::more::yes);
  CHECK(hub.behind("v", {3}) == live_hub::more::no);
}

TEST_CASE("a hub that ends while followers wait, or that they leave, is well", "[live]") {
  live_hub hub;
  hub.set_pace(always_busy(1));
  int woken = 0;
  const auto first = hub.follow("v", [&] { ++woken; });
  hub.committed("v", 0, 1, true);
  hub.committed("v", 0, 2, true);
  hub.forget(first);
  CHECK(woken == 1);
}

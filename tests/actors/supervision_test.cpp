#include "actors/supervision.hpp"

#include <catch2/catch.hpp>

using namespace weir;
using namespace std::chrono_literals;

TEST_CASE("the wait doubles with every failure in a row, with jitter, up to its maximum") {
  restart_plan plan({100, 1h, 100ms, 1s}, 1);
  auto now = restart_plan::time_point{} + 1h;
  auto most = 100ms;
  for (int i = 0; i < 10; ++i) {
    const auto wait = plan.failed(now);
    REQUIRE(wait);
    CHECK(*wait >= most / 2);
    CHECK(*wait <= most);
    most = std::min<std::chrono::milliseconds>(most * 2, 1s);
  }
}

TEST_CASE("more failures within the window than the budget allows end it") {
  restart_plan plan({3, 60s, 100ms, 1s}, 1);
  const auto now = restart_plan::time_point{} + 1h;
  for (int i = 0; i < 3; ++i) CHECK(plan.failed(now + i * 1s));
  CHECK_FALSE(plan.failed(now + 4s));
}

TEST_CASE("failures that are far apart never spend the budget, and each waits the least") {
  restart_plan plan({3, 60s, 100ms, 10s}, 1);
  for (int i = 0; i < 50; ++i) {
    const auto wait = plan.failed(restart_plan::time_point{} + i * 100s);
    REQUIRE(wait);
    CHECK(*wait <= 100ms);
  }
}

TEST_CASE("two plans of one seed wait alike, of two seeds they spread") {
  restart_plan a({100, 1h, 100ms, 1h}, 7), b({100, 1h, 100ms, 1h}, 7), c({100, 1h, 100ms, 1h}, 8);
  const restart_plan::time_point now{};
  bool differ = false;
  for (int i = 0; i < 8; ++i) {
    const auto wait = a.failed(now);
    CHECK(wait == b.failed(now));
    differ = differ || wait != c.failed(now);
  }
  CHECK(differ);
}

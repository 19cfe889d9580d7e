// How often a child may be restarted, and when: the rules of a supervisor without its mailbox (as Erlang's).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <vector>

namespace weir {

enum class restart_strategy : std::uint8_t {
  one_for_one,  // the child that failed
  one_for_all,  // every child: they depend on each other
};

struct restart_limits {
  int budget = 10;  // restarts within `window`; one more and the supervisor gives up, its own parent decides
  std::chrono::milliseconds window{60'000};
  std::chrono::milliseconds delay_min{100};
  std::chrono::milliseconds delay_max{30'000};
};

// Exponential back-off with jitter: the n-th try in a row waits between half and all of min * 2^n, at most max. A child
// that stayed up for a window starts again from min.
class restart_plan {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  restart_plan(restart_limits limits, std::uint64_t seed) : limits_(limits), random_(seed_of(seed)) {}

  // A failure at `now`: how long to wait before the restart; none: the budget is spent.
  std::optional<std::chrono::milliseconds> failed(time_point now);
  int failures_in_a_row() const { return in_a_row_; }

 private:
  static std::minstd_rand::result_type seed_of(std::uint64_t seed);

  // One per source: kept small.
  restart_limits limits_;
  std::minstd_rand random_;
  std::vector<time_point> recent_;
  int in_a_row_ = 0;
};

}  // namespace weir

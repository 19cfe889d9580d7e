#include "actors/supervision.hpp"

#include <algorithm>

namespace weir {

std::optional<std::chrono::milliseconds> restart_plan::failed(time_point now) {
  if (!recent_.empty() && now - recent_.back() > limits_.window) in_a_row_ = 0;
  while (!recent_.empty() && now - recent_.front() > limits_.window) recent_.pop_front();
  recent_.push_back(now);
  if (static_cast<int>(recent_.size()) > limits_.budget) return std::nullopt;
  const auto doubled = limits_.delay_min * (std::int64_t{1} << std::min(in_a_row_, 20));
  ++in_a_row_;
  const auto most = std::min<std::chrono::milliseconds>(doubled, limits_.delay_max);
  std::uniform_int_distribution<std::int64_t> jitter(most.count() / 2, most.count());
  return std::chrono::milliseconds(jitter(random_));
}

}  // namespace weir

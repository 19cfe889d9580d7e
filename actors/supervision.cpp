#include "actors/supervision.hpp"

#include <algorithm>

namespace weir {

// Neighbouring seeds must not give neighbouring waits: the generator's first numbers follow its seed closely.
std::minstd_rand::result_type restart_plan::seed_of(std::uint64_t seed) {
  seed = (seed ^ (seed >> 30)) * 0xbf58476d1ce4e5b9ULL;
  seed = (seed ^ (seed >> 27)) * 0x94d049bb133111ebULL;
  return static_cast<std::minstd_rand::result_type>(seed ^ (seed >> 31));
}

std::optional<std::chrono::milliseconds> restart_plan::failed(time_point now) {
  if (!recent_.empty() && now - recent_.back() > limits_.window) in_a_row_ = 0;
  std::erase_if(recent_, [&](time_point t) { return now - t > limits_.window; });
  recent_.push_back(now);
  if (static_cast<int>(recent_.size()) > limits_.budget) return std::nullopt;
  const auto doubled = limits_.delay_min * (std::int64_t{1} << std::min(in_a_row_, 20));
  ++in_a_row_;
  const auto most = std::min<std::chrono::milliseconds>(doubled, limits_.delay_max);
  std::uniform_int_distribution<std::int64_t> jitter(most.count() / 2, most.count());
  return std::chrono::milliseconds(jitter(random_));
}

}  // namespace weir

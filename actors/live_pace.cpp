#include "actors/live_pace.hpp"

#include <algorithm>
#include <utility>

namespace weir {

bool live_pace::busy(clock::time_point now) {
  if (options_.messages_per_s <= 0 || !options_.work) return false;
  const auto passed = now - looked_at_;
  if (passed < look_every) return busy_;
  looked_at_ = now;
  const auto work = options_.work();
  const auto used = std::chrono::duration<double>(work - std::exchange(work_then_, work));
  busy_ = used >= std::chrono::duration<double>(passed) * (busy_share * options_.cores);
  return busy_;
}

live_pace::clock::time_point live_pace::earliest(clock::time_point now) { return busy(now) ? next_ : now; }

void live_pace::woken(std::size_t followers, clock::time_point now) {
  if (!busy(now)) return;
  const std::chrono::duration<double> cost(static_cast<double>(followers) / options_.messages_per_s);
  next_ =
      std::max(next_, now) + std::min<clock::duration>(std::chrono::duration_cast<clock::duration>(cost), longest_wait);
}

}  // namespace weir

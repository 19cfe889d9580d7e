// When followers of views may be woken. A message to a live client costs as much as dozens of records, so while ingest
// and pipelines need the machine rows wait for one another and go out together; a node with time to spare waits for
// nothing.
#pragma once

#include <chrono>
#include <functional>

namespace weir {

struct live_pace_options {
  double messages_per_s = 0;  // to all followers together while the node is busy; 0: as many as there are
  int cores = 1;
  // CPU time that ingest and pipelines have wanted so far; none: the node is never busy.
  std::function<std::chrono::nanoseconds()> work;
};

class live_pace {
 public:
  using clock = std::chrono::steady_clock;

  explicit live_pace(live_pace_options options = {}) : options_(std::move(options)) {}

  // From when on the next ones may be woken; not after `now` where nothing holds them back.
  clock::time_point earliest(clock::time_point now);
  void woken(std::size_t followers, clock::time_point now);

  static constexpr double busy_share = 0.5;  // of the cores, from which on the node is busy
  static constexpr std::chrono::milliseconds look_every{100}, longest_wait{1'000};

 private:
  bool busy(clock::time_point now);

  live_pace_options options_;
  clock::time_point looked_at_, next_;
  std::chrono::nanoseconds work_then_{0};
  bool busy_ = false;
};

}  // namespace weir

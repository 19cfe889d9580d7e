// What people see of sources: each source's actor writes here, the API reads. It outlives the actors, so a source that
// failed shows its last error and when it is tried again.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace weir {

struct source_view {
  std::string state = "starting";  // starting, connecting, running, ended, paused, failed
  std::string last_error;
  std::int64_t next_try_us = 0;  // wall clock; 0: none
  std::string progress;          // the connector's own words
  std::string position;
  std::uint64_t records = 0, bytes = 0, restarts = 0;
  double rate = 0;  // records per second, smoothed over some seconds
  std::int64_t last_record_us = 0;
  std::int64_t blocked_us = 0;  // in all: it had records, ingest had not yet taken the ones before

  // A source without records for so long shows as waiting, at no rate.
  static constexpr std::int64_t quiet_after_us = 5'000'000;
  bool quiet(std::int64_t now_us) const { return now_us - last_record_us >= quiet_after_us; }
};

// Records per second, smoothed over some seconds.
class rate_meter {
 public:
  // The rate, when a second or more has passed since it was told last.
  std::optional<double> add(std::uint64_t records, std::int64_t now_us) {
    constexpr std::int64_t window_us = 1'000'000;
    if (since_us_ == 0) since_us_ = now_us;
    records_ += records;
    const auto passed_us = now_us - since_us_;
    if (passed_us < window_us) return std::nullopt;
    const auto now = static_cast<double>(records_) * 1e6 / static_cast<double>(passed_us);
    rate_ = rate_ == 0 ? now : (rate_ + now) / 2;
    since_us_ = now_us;
    records_ = 0;
    return rate_;
  }

 private:
  std::int64_t since_us_ = 0;
  std::uint64_t records_ = 0;
  double rate_ = 0;
};

class source_board {
 public:
  template <class F>
  void update(const std::string& source, F change) {
    std::lock_guard lock(mutex_);
    change(views_[source]);
  }
  // Only where the source is shown already.
  template <class F>
  void update_known(const std::string& source, F change) {
    std::lock_guard lock(mutex_);
    if (const auto it = views_.find(source); it != views_.end()) change(it->second);
  }
  void remove(const std::string& source) {
    std::lock_guard lock(mutex_);
    views_.erase(source);
  }
  std::map<std::string, source_view> all() const {
    std::lock_guard lock(mutex_);
    return views_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, source_view> views_;
};

}  // namespace weir

// Who follows which view: readers register a wake-up, commits wake them. Rows themselves are read from the log, by each
// reader at its own pace, so a slow one holds nobody up.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace weir {

class live_hub {
 public:
  // Until the returned number is given to forget(). `wake` must not block; it is not called after forget() returned.
  std::uint64_t follow(std::string topic, std::function<void()> wake) {
    std::lock_guard lock(mutex_);
    followers_[topic].wakes.emplace(next_, std::move(wake));
    topics_[next_] = std::move(topic);
    return next_++;
  }
  void forget(std::uint64_t follower) {
    std::lock_guard lock(mutex_);
    const auto it = topics_.find(follower);
    if (it == topics_.end()) return;
    const auto list = followers_.find(it->second);
    list->second.wakes.erase(follower);
    if (list->second.wakes.empty()) followers_.erase(list);
    topics_.erase(it);
  }
  // Without `rows` only time has gone on: nobody has anything to send, but who never read on would fall behind.
  void committed(std::string_view topic, bool rows) {
    std::lock_guard lock(mutex_);
    const auto it = followers_.find(topic);
    if (it == followers_.end()) return;
    const auto now = std::chrono::steady_clock::now();
    if (!rows && now - it->second.woken_at < longest_sleep) return;
    it->second.woken_at = now;
    for (auto& [number, wake] : it->second.wakes) wake();
  }
  std::size_t followers() const {
    std::lock_guard lock(mutex_);
    return topics_.size();
  }

  static constexpr std::chrono::milliseconds longest_sleep{1'000};

 private:
  struct topic_followers {
    std::map<std::uint64_t, std::function<void()>> wakes;
    std::chrono::steady_clock::time_point woken_at;
  };
  mutable std::mutex mutex_;
  std::uint64_t next_ = 1;
  std::map<std::string, topic_followers, std::less<>> followers_;
  std::map<std::uint64_t, std::string> topics_;
};

}  // namespace weir

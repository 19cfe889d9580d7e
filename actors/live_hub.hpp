// Who follows which view: readers register a wake-up, commits wake them. Rows themselves are read from the log, by each
// reader at its own pace, so a slow one holds nobody up.
#pragma once

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
    followers_[topic].emplace(next_, std::move(wake));
    topics_[next_] = std::move(topic);
    return next_++;
  }
  void forget(std::uint64_t follower) {
    std::lock_guard lock(mutex_);
    const auto it = topics_.find(follower);
    if (it == topics_.end()) return;
    const auto list = followers_.find(it->second);
    list->second.erase(follower);
    if (list->second.empty()) followers_.erase(list);
    topics_.erase(it);
  }
  void committed(std::string_view topic) {
    std::lock_guard lock(mutex_);
    if (const auto it = followers_.find(topic); it != followers_.end())
      for (auto& [number, wake] : it->second) wake();
  }
  std::size_t followers() const {
    std::lock_guard lock(mutex_);
    return topics_.size();
  }

 private:
  mutable std::mutex mutex_;
  std::uint64_t next_ = 1;
  std::map<std::string, std::map<std::uint64_t, std::function<void()>>, std::less<>> followers_;
  std::map<std::uint64_t, std::string> topics_;
};

}  // namespace weir

#include "actors/live_hub.hpp"

#include <algorithm>

namespace weir {

live_hub::~live_hub() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  if (waker_.joinable()) waker_.join();
}

std::uint64_t live_hub::follow(std::string topic, std::function<void()> wake) {
  std::lock_guard lock(mutex_);
  followers_[topic].all.emplace(next_, one_follower{std::move(wake)});
  topics_[next_] = std::move(topic);
  return next_++;
}

void live_hub::forget(std::uint64_t follower) {
  std::lock_guard lock(mutex_);
  const auto it = topics_.find(follower);
  if (it == topics_.end()) return;
  const auto list = followers_.find(it->second);
  list->second.all.erase(follower);
  if (list->second.all.empty()) followers_.erase(list);
  topics_.erase(it);
  due_.erase(follower);
}

void live_hub::committed(std::string_view topic, int partition, std::int64_t end, bool rows) {
  std::lock_guard lock(mutex_);
  auto known = ends_.find(topic);
  if (known == ends_.end()) known = ends_.emplace(std::string(topic), topic_ends()).first;
  auto& known_end = known->second.committed[partition];
  known_end = std::max(known_end, end);
  const auto it = followers_.find(topic);
  if (it == followers_.end()) return;
  const auto now = clock::now();
  if (it->second.waits || (!rows && now - it->second.woken_at < longest_sleep)) return;
  if (waiting_.empty() && pace_.earliest(now) <= now) return wake(topic, now);
  it->second.waits = true;
  waiting_.emplace_back(topic);
  start_waker();
}

void live_hub::wake(std::string_view topic, clock::time_point now) {
  const auto it = followers_.find(topic);
  if (it == followers_.end()) return;
  auto& [all, woken_at, waits] = it->second;
  woken_at = now;
  waits = false;
  if (const auto known = ends_.find(topic); known != ends_.end()) known->second.told = known->second.committed;
  pace_.woken(all.size(), now);
  for (auto& [number, one] : all) {
    one.patience = first_look_again;
    one.wake();
  }
}

live_hub::more live_hub::behind(std::string_view topic, const std::vector<std::int64_t>& positions) const {
  std::lock_guard lock(mutex_);
  const auto known = ends_.find(topic);
  if (known == ends_.end() || known->second.told.empty()) return more::unknown;
  for (const auto& [partition, end] : known->second.told)
    if (positions[static_cast<std::size_t>(partition)] < end) return more::yes;
  return more::no;
}

live_hub::one_follower* live_hub::find(std::uint64_t follower) {
  const auto topic = topics_.find(follower);
  return topic == topics_.end() ? nullptr : &followers_.find(topic->second)->second.all.find(follower)->second;
}

void live_hub::wake_again(std::uint64_t follower) {
  std::lock_guard lock(mutex_);
  auto* one = find(follower);
  if (one == nullptr || ending_) return;
  if (!due_.try_emplace(follower, clock::now() + one->patience).second) return;
  one->patience = std::min(2 * one->patience, longest_look_again);
  start_waker();
}

void live_hub::start_waker() {
  if (!waker_.joinable() && !ending_) waker_ = std::thread([this] { wake_when_due(); });
  changed_.notify_all();
}

void live_hub::wake_when_due() {
  std::unique_lock lock(mutex_);
  while (!ending_) {
    const auto now = clock::now();
    const auto next = std::min(wake_waiting_topics(now), wake_followers_again(now));
    if (next == clock::time_point::max())
      changed_.wait(lock);
    else
      changed_.wait_until(lock, next);
  }
}

// Both answer when they have something to do next.
live_hub::clock::time_point live_hub::wake_waiting_topics(clock::time_point now) {
  while (!waiting_.empty()) {
    if (const auto earliest = pace_.earliest(now); earliest > now) return earliest;
    const auto topic = std::move(waiting_.front());
    waiting_.pop_front();
    wake(topic, now);
  }
  return clock::time_point::max();
}

live_hub::clock::time_point live_hub::wake_followers_again(clock::time_point now) {
  auto next = clock::time_point::max();
  for (auto it = due_.begin(); it != due_.end();) {
    if (it->second > now) {
      next = std::min(next, it->second);
      ++it;
      continue;
    }
    if (auto* one = find(it->first)) one->wake();
    it = due_.erase(it);
  }
  return next;
}

void live_hub::wake_all() {
  std::lock_guard lock(mutex_);
  for (auto& [topic, list] : followers_)
    for (auto& [number, one] : list.all) one.wake();
}

void live_hub::forget_ends(std::string_view topic) {
  std::lock_guard lock(mutex_);
  if (const auto known = ends_.find(topic); known != ends_.end()) ends_.erase(known);
}

std::size_t live_hub::followers() const {
  std::lock_guard lock(mutex_);
  return topics_.size();
}

}  // namespace weir

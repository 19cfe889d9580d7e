#include "actors/standby.hpp"

#include <pthread.h>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace weir {

namespace {

// A pass asks the brokers once for each partition: its pause grows with what it costs.
constexpr std::chrono::milliseconds least_pause{100}, longest_pause{2'000};
constexpr int pause_per_pass = 3;

}  // namespace

standby::standby(std::vector<std::shared_ptr<shard_cell>> cells, std::function<plan_ptr()> plan)
    : cells_(std::move(cells)), plan_(std::move(plan)), shards_(cells_.size()) {
  for (const auto& cell : cells_) tails_.push_back(cell->core->make_tail());
  thread_ = std::thread([this] { run(); });
}

standby::~standby() { end(); }

void standby::end() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void standby::hand_over() {
  end();
  for (std::size_t i = 0; i < cells_.size(); ++i)
    if (cells_[i]->is_free()) cells_[i]->core->go_on_from(std::move(tails_[i]));
}

std::vector<standby_shard> standby::shards() const {
  std::lock_guard lock(mutex_);
  return shards_;
}

void standby::run() {
  pthread_setname_np(pthread_self(), "weir.standby");
  for (std::unique_lock lock(mutex_); !ending_;) {
    lock.unlock();
    const auto begun = std::chrono::steady_clock::now();
    const auto plan = plan_();
    bool more = false;
    for (std::size_t i = 0; i < cells_.size(); ++i) more = pass(i, *plan) || more;
    const auto took = std::chrono::steady_clock::now() - begun;
    lock.lock();
    if (more) continue;
    const auto pause = std::clamp<std::chrono::nanoseconds>(pause_per_pass * took, least_pause, longest_pause);
    changed_.wait_for(lock, pause, [&] { return ending_.load(); });
  }
}

// Answers whether there is more to read at once.
bool standby::pass(std::size_t shard, const control_plan& plan) {
  {
    std::lock_guard lock(mutex_);
    if (ending_) return false;
  }
  if (!cells_[shard]->is_free()) return false;
  const auto begun = wall_clock_us();
  auto& tail = *tails_[shard];
  const auto more = tail.follow(plan);
  if (more) tail.warm(plan, [this] { return ending_.load(); });
  std::lock_guard lock(mutex_);
  auto& s = shards_[shard];
  s.in_memory = tail.tasks_in_memory();
  if (!more) {
    if (s.problem.empty()) spdlog::warn("standby waits shard={} error=\"{}\"", shard, more.error().text());
    s.problem = more.error().text();
    return false;
  }
  s.problem.clear();
  if (*more) return true;
  s.follows = true;
  s.at_end_us = begun;
  return false;
}

}  // namespace weir

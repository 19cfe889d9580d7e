#include "actors/worker_pool.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <unistd.h>

#include <condition_variable>
#include <deque>
#include <fstream>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace weir {

namespace {

using clock = std::chrono::steady_clock;

// Time on a core and time in line for one; nothing where the kernel does not tell or the thread is gone.
std::chrono::nanoseconds cpu_wanted_by(pid_t thread) {
  std::ifstream in(fmt::format("/proc/self/task/{}/schedstat", thread));
  std::int64_t on_core = 0, in_line = 0;
  in >> on_core >> in_line;
  return std::chrono::nanoseconds(on_core + in_line);
}

}  // namespace

// Shared with the threads, so that one which hangs past the pool's end still has something to stand on.
struct worker_pool::impl {
  explicit impl(pool_options o) : options(o) {}

  pool_options options;
  mutable std::mutex mutex;
  std::condition_variable work, changed;
  std::deque<pool_job> queue;
  struct running_job {
    clock::duration since;  // by `awake`
    std::function<void()> on_hung;
    bool hung = false;
  };
  std::map<std::uint64_t, running_job> running;  // by thread number
  std::uint64_t next_thread = 1;
  int threads = 0, hung = 0;
  std::uint64_t done = 0;
  std::map<std::uint64_t, pid_t> ids;  // of the threads that take jobs, by number
  clock::duration awake{0};            // the watchdog's time; no step of it counts for more than twice its length
  bool stopping = false;

  void start_thread(const std::shared_ptr<impl>& self);
  void work_loop(std::uint64_t number);
  bool run_one(std::uint64_t number, std::unique_lock<std::mutex>& lock);
  void watch(const std::shared_ptr<impl>& self);
};

void worker_pool::impl::start_thread(const std::shared_ptr<impl>& self) {
  ++threads;
  std::thread([self, number = next_thread++] {
    pthread_setname_np(pthread_self(), "weir.pool");
    self->work_loop(number);
  }).detach();
}

void worker_pool::impl::work_loop(std::uint64_t number) {
  std::unique_lock lock(mutex);
  ids[number] = gettid();
  for (;;) {
    work.wait(lock, [&] { return stopping || !queue.empty(); });
    if (queue.empty()) break;
    if (!run_one(number, lock)) return;  // its place was given to another thread
  }
  ids.erase(number);
  --threads;
  changed.notify_all();
}

// False when the job had been given up.
bool worker_pool::impl::run_one(std::uint64_t number, std::unique_lock<std::mutex>& lock) {
  auto job = std::move(queue.front());
  queue.pop_front();
  running[number] = {awake, std::move(job.on_hung)};
  lock.unlock();
  job.run();
  if (job.on_done) job.on_done();
  job = {};
  lock.lock();
  ++done;
  const bool given_up = running[number].hung;
  running.erase(number);
  if (given_up) --hung;
  return !given_up;
}

void worker_pool::impl::watch(const std::shared_ptr<impl>& self) {
  std::unique_lock lock(mutex);
  const clock::duration step = std::max(std::chrono::milliseconds(1), options.stall_timeout / 10);
  auto last = options.now();
  for (;;) {
    if (changed.wait_for(lock, step, [&] { return stopping; })) return;
    const auto now = options.now();
    awake += std::min(now - std::exchange(last, now), 2 * step);
    std::vector<std::function<void()>> calls;
    for (auto& [number, job] : running) {
      if (job.hung || hung >= options.max_hung || awake - job.since < options.stall_timeout + step) continue;
      job.hung = true;
      ids.erase(number);
      ++hung;
      --threads;
      start_thread(self);
      if (job.on_hung) calls.push_back(std::move(job.on_hung));
    }
    lock.unlock();
    for (auto& call : calls) call();
    lock.lock();
  }
}

worker_pool::worker_pool(pool_options options) : impl_(std::make_shared<impl>(options)) {
  std::lock_guard lock(impl_->mutex);
  for (int i = 0; i < options.threads; ++i) impl_->start_thread(impl_);
  std::thread([self = impl_] { self->watch(self); }).detach();
}

worker_pool::~worker_pool() { stop(impl_->options.stall_timeout); }

void worker_pool::post(pool_job job) {
  {
    std::lock_guard lock(impl_->mutex);
    if (impl_->stopping) return;
    impl_->queue.push_back(std::move(job));
  }
  impl_->work.notify_one();
}

pool_status worker_pool::status() const {
  std::lock_guard lock(impl_->mutex);
  return {impl_->threads, impl_->hung, impl_->queue.size(), impl_->done};
}

std::function<std::chrono::nanoseconds()> worker_pool::cpu_meter() const {
  return [impl = impl_] {
    std::vector<pid_t> threads;
    {
      std::lock_guard lock(impl->mutex);
      for (const auto& [number, id] : impl->ids) threads.push_back(id);
    }
    std::chrono::nanoseconds out{0};
    for (const auto id : threads) out += cpu_wanted_by(id);
    return out;
  };
}

bool worker_pool::stop(std::chrono::milliseconds patience) {
  std::unique_lock lock(impl_->mutex);
  impl_->stopping = true;
  impl_->work.notify_all();
  impl_->changed.notify_all();
  return impl_->changed.wait_for(lock, patience, [&] { return impl_->threads == 0; }) && impl_->hung == 0;
}

}  // namespace weir

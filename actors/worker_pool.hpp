// The node's own threads: tasks, ingest, commits and connectors' reads run here, actors only steer (DESIGN §5).
//
// A job that never returns cannot be stopped. When one runs longer than `stall_timeout`, the pool says so (on_hung) and
// starts another thread in its place; should the job come back after all, its thread ends. At most `max_hung` threads
// are given up like that; beyond it the pool works with the threads that it has left, and says so in status().
// A job's time counts while the pool is awake: a process that was stopped, or a machine that slept, hangs in no job.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace weir {

struct pool_job {
  std::function<void()> run;      // catches what it throws
  std::function<void()> on_done;  // on the job's thread, after run
  std::function<void()> on_hung;  // on the watchdog's thread; on_done still follows if run ever returns. May be empty
};

struct pool_options {
  int threads = 2;
  std::chrono::milliseconds stall_timeout{10'000};
  int max_hung = 16;
  std::function<std::chrono::steady_clock::time_point()> now = std::chrono::steady_clock::now;
};

struct pool_status {
  int threads = 0;  // that take jobs
  int hung = 0;     // given up, still running
  std::size_t queued = 0;
  std::uint64_t done = 0;
};

class worker_pool {
 public:
  explicit worker_pool(pool_options options);
  // Runs what is queued to its end; threads that hang are left behind.
  ~worker_pool();
  worker_pool(const worker_pool&) = delete;
  worker_pool& operator=(const worker_pool&) = delete;

  void post(pool_job job);
  pool_status status() const;
  // Tells the CPU time that the threads which take jobs have used, or stood in line for on a busy machine. Reads /proc;
  // may outlive the pool.
  std::function<std::chrono::nanoseconds()> cpu_meter() const;
  // Takes no more jobs, waits at most `patience` for those that run; false when some still run after it.
  bool stop(std::chrono::milliseconds patience);

 private:
  struct impl;
  std::shared_ptr<impl> impl_;
};

}  // namespace weir

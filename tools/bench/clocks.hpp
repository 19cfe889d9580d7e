// Clocks of benchmarks: the wall, and what a thread has used of a core.
#pragma once

#include <pthread.h>
#include <time.h>

#include <chrono>
#include <cstdint>
#include <thread>

namespace weir::bench {

inline double seconds_of(const timespec& t) {
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

inline double cpu_of(clockid_t clock) {
  timespec used{};
  clock_gettime(clock, &used);
  return seconds_of(used);
}

// Of a thread that has not been joined.
inline double cpu_of(const std::thread& thread) {
  clockid_t clock{};
  pthread_getcpuclockid(const_cast<std::thread&>(thread).native_handle(), &clock);
  return cpu_of(clock);
}

inline double cpu_of_this_thread() { return cpu_of(CLOCK_THREAD_CPUTIME_ID); }

inline std::int64_t wall_clock_us() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

}  // namespace weir::bench

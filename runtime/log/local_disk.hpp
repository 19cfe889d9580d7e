// Watches the free space of the file system that holds the embedded log.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>

#include "runtime/result.hpp"

namespace weir::local {

class disk_guard {
 public:
  // free_bytes: asked at most every 100 ms; between two answers, what was written since is taken off.
  disk_guard(std::filesystem::path path, std::uint64_t reserve_bytes,
             std::function<result<std::uint64_t>()> free_bytes);
  // errc::no_space when writing `bytes` would leave less than the reserve. Any thread.
  status check(std::uint64_t bytes);

 private:
  std::filesystem::path path_;
  std::uint64_t reserve_bytes_;
  std::function<result<std::uint64_t>()> free_bytes_;
  std::mutex mutex_;
  std::uint64_t free_ = 0;
  std::uint64_t written_since_ = 0;
  std::chrono::steady_clock::time_point asked_{};
};

// statvfs of a folder.
result<std::uint64_t> free_bytes_of(const std::filesystem::path& path);

}  // namespace weir::local

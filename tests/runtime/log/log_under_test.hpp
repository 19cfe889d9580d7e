// The logs that the conformance suite runs against. A kind gives a log, opens it again, and says what its reopening is.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "runtime/log/local_log.hpp"
#include "runtime/log/sim_log.hpp"

namespace weir::test {

// A folder that is removed at the end.
class scratch_folder {
 public:
  scratch_folder() {
    auto pattern = (std::filesystem::temp_directory_path() / "weir-log-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~scratch_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  scratch_folder(const scratch_folder&) = delete;
  scratch_folder& operator=(const scratch_folder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

template <class T>
T value_of(result<T> answer) {
  if (!answer) throw std::runtime_error(std::string(to_string(answer.error().code)) + ": " + answer.error().text());
  return std::move(*answer);
}

inline void done(const status& answer) {
  if (!answer) throw std::runtime_error(std::string(to_string(answer.error().code)) + ": " + answer.error().text());
}

// Reads to the end.
inline std::vector<log_entry> drain(log_reader& reader, std::size_t max_bytes = 1 << 20) {
  std::vector<log_entry> all;
  for (;;) {
    auto some = value_of(reader.fetch(max_bytes));
    if (some.empty()) return all;
    for (auto& one : some) all.push_back(std::move(one));
  }
}

using strings = std::vector<std::string>;

inline strings values(const std::vector<log_entry>& entries) {
  std::vector<std::string> all;
  for (auto const& one : entries) all.push_back(one.value.value_or("(deleted)"));
  return all;
}

class local_under_test {
 public:
  // Whether the entries of a commit follow each other in their partition, and partitions see commits in one order.
  static constexpr bool commits_lie_together = true;
  static bool may_take_a_try_back() { return false; }

  local_under_test() { open(); }
  event_log& log() { return *log_; }
  // No reader or writer may be left.
  void reopen() {
    log_.reset();
    open();
  }

 private:
  void open() {
    local_log_options options;
    options.path = folder_.path() / "log";
    options.disk_reserve_bytes = 0;
    log_ = value_of(open_local_log(options));
  }
  scratch_folder folder_;
  std::unique_ptr<event_log> log_;
};

class sim_under_test {
 public:
  static constexpr bool commits_lie_together = true;
  static bool may_take_a_try_back() { return false; }

  event_log& log() { return log_; }
  void reopen() {}

 private:
  sim_log log_;
};

}  // namespace weir::test

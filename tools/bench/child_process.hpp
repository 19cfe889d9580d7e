// A program that a benchmark starts beside itself; killed by its destructor.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace weir::bench {

class child_process {
 public:
  // What it says goes to the end of `log`; throws when there is no process.
  child_process(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                std::filesystem::path log);
  ~child_process();
  child_process(const child_process&) = delete;
  child_process& operator=(const child_process&) = delete;

  bool has_ended();
  std::string said() const;
  double cpu_s() const;  // so far
  // The same of the threads that run now, by their name.
  std::map<std::string, double> cpu_by_thread_s() const;
  std::uint64_t peak_mb() const;

 private:
  std::filesystem::path log_;
  pid_t pid_ = -1;
};

// All that a file holds; empty: there is none.
std::string content_of(const std::filesystem::path& file);

}  // namespace weir::bench

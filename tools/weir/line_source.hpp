// Lines of a file or of standard input as they come, with a bound on how long one may be.
#pragma once

#include <atomic>
#include <chrono>
#include <string>

#include "runtime/result.hpp"

namespace weir::cli {

class line_source {
 public:
  enum class got : std::uint8_t { line, nothing_yet, end };

  // "-" is standard input. Errors name the file.
  static result<line_source> open(const std::string& path, std::size_t max_line_bytes);
  ~line_source();
  line_source(line_source&& other) noexcept;
  line_source(const line_source&) = delete;
  line_source& operator=(const line_source&) = delete;

  // Waits at most so long for the rest of a line. A line keeps its newline; the last one may have none.
  result<got> next(std::string& line, std::chrono::milliseconds patience);
  // Everything to the end, without looking at lines; limit_exceeded beyond max_bytes; cancelled once `stopped`.
  result<std::string> all(std::size_t max_bytes, const std::atomic<bool>& stopped);

 private:
  line_source(std::string path, int file, std::size_t max_line_bytes)
      : path_(std::move(path)), file_(file), max_line_bytes_(max_line_bytes) {}
  result<got> read_more(std::chrono::milliseconds patience);

  std::string path_;
  int file_;
  std::size_t max_line_bytes_;
  std::string buffer_;
  std::size_t at_ = 0, searched_ = 0;
  bool ended_ = false;
};

}  // namespace weir::cli

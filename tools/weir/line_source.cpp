#include "tools/weir/line_source.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

namespace weir::cli {

namespace {

constexpr std::size_t piece_bytes = 64U << 10;

}  // namespace

result<line_source> line_source::open(const std::string& path, std::size_t max_line_bytes) {
  if (path == "-") return line_source("standard input", STDIN_FILENO, max_line_bytes);
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return fail(errc::invalid_argument, "'{}' is a folder", path);
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return fail(errc::invalid_argument, "cannot read '{}': {}", path, std::strerror(errno));
  return line_source(path, file, max_line_bytes);
}

line_source::line_source(line_source&& other) noexcept
    : path_(std::move(other.path_)), file_(std::exchange(other.file_, -1)), max_line_bytes_(other.max_line_bytes_) {}

line_source::~line_source() {
  if (file_ > STDERR_FILENO) ::close(file_);
}

result<line_source::got> line_source::read_more(std::chrono::milliseconds patience) {
  pollfd waiting{file_, POLLIN, 0};
  const int ready = ::poll(&waiting, 1, static_cast<int>(patience.count()));
  if (ready == 0 || (ready < 0 && errno == EINTR)) return got::nothing_yet;
  const auto before = buffer_.size();
  buffer_.resize(before + piece_bytes);
  const auto count = ::read(file_, buffer_.data() + before, piece_bytes);
  buffer_.resize(before + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  if (count < 0 && errno == EINTR) return got::nothing_yet;
  if (count < 0) return fail(errc::io_error, "reading '{}' failed: {}", path_, std::strerror(errno));
  ended_ = count == 0;
  return ended_ ? got::end : got::line;
}

result<line_source::got> line_source::next(std::string& line, std::chrono::milliseconds patience) {
  for (;;) {
    const auto newline = buffer_.find('\n', searched_);
    if (newline != std::string::npos || (ended_ && at_ < buffer_.size())) {
      const auto end = newline == std::string::npos ? buffer_.size() : newline + 1;
      line.assign(buffer_, at_, end - at_);
      at_ = searched_ = end;
      return got::line;
    }
    if (ended_) return got::end;
    buffer_.erase(0, std::exchange(at_, 0));
    searched_ = buffer_.size();
    if (buffer_.size() > max_line_bytes_)
      return fail(errc::limit_exceeded, "a line of '{}' has more than {} bytes", path_, max_line_bytes_);
    WEIR_TRY(more, read_more(patience));
    if (more == got::nothing_yet) return more;
  }
}

result<std::string> line_source::all(std::size_t max_bytes, const std::atomic<bool>& stopped) {
  while (!ended_) {
    if (stopped) return fail(errc::cancelled, "interrupted");
    WEIR_TRY_VOID(read_more(std::chrono::milliseconds(200)));
    if (buffer_.size() > max_bytes) return fail(errc::limit_exceeded, "'{}' has more than {} bytes", path_, max_bytes);
  }
  return std::move(buffer_);
}

}  // namespace weir::cli

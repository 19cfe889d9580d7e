// Which files a source may read: regular files whose real path lies in an allowed folder, and nothing else.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/result.hpp"

namespace weir {

// An open file descriptor, closed with its owner.
class file_handle {
 public:
  explicit file_handle(int fd = -1) : fd_(fd) {}
  ~file_handle();
  file_handle(file_handle&& other) noexcept;
  file_handle& operator=(file_handle&& other) noexcept;
  file_handle(const file_handle&) = delete;
  file_handle& operator=(const file_handle&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

// What the operating system says of a file at one moment.
struct file_state {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;        // bytes
  std::int64_t modified_us = 0;  // since 1970
  std::uint64_t links = 0;       // 0: no name leads to it any more
  bool folder = false;
};
file_state to_file_state(const struct ::stat& from);

// Bytes of a file name that are not printable ASCII, and '%', as %XX: names may be any bytes, texts may not.
std::string escape_name(std::string_view name);
result<std::string> unescape_name(std::string_view text);  // errc::corrupt

// errno as an error about `what`: ENOENT is errc::not_found, everything else errc::io_error; the text is the system's.
error system_error(int code, std::string_view action, std::string_view path);

class file_access {
 public:
  // Absolute, resolved folders; `key`: of config.toml, where they stand.
  explicit file_access(std::vector<std::string> allowed_folders, std::string_view key = "sources.file.allow")
      : allowed_(std::move(allowed_folders)), key_(key) {}

  // Without opening: absolute, no '..', and inside an allowed folder as far as the path exists.
  status check(std::string_view path) const;
  // The real path, every symbolic link followed, inside an allowed folder. errc::not_found, io_error,
  // permission_denied; whether a file outside exists is not told.
  result<std::string> resolve(std::string_view path) const;
  // State of a path that resolve() gave. A FIFO, device or socket is errc::permission_denied.
  result<file_state> state(const std::string& resolved) const;
  // Opens a path that resolve() gave, without ever waiting for it, and checks again what was opened.
  result<file_handle> open(const std::string& resolved) const;

 private:
  bool inside(std::string_view resolved) const;
  tl::unexpected<error> not_allowed(std::string_view path) const;

  std::vector<std::string> allowed_;
  std::string_view key_;
};

}  // namespace weir

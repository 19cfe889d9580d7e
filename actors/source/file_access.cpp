#include "actors/source/file_access.hpp"

#include <fcntl.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <filesystem>
#include <system_error>
#include <utility>

#include "runtime/time/timestamp.hpp"

namespace weir {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool has_parent_step(std::string_view path) {
  const std::filesystem::path parts(path);
  return std::any_of(parts.begin(), parts.end(), [](const auto& part) { return part == ".."; });
}

tl::unexpected<error> special_file(std::string_view path) {
  return with_hint(fail(errc::permission_denied, "{} is a FIFO, device or socket", escape_name(path)),
                   "the file connector reads regular files");
}

}  // namespace

file_handle::~file_handle() {
  if (fd_ >= 0) ::close(fd_);
}
file_handle::file_handle(file_handle&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
file_handle& file_handle::operator=(file_handle&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

file_state to_file_state(const struct ::stat& from) {
  file_state state;
  state.device = from.st_dev;
  state.inode = from.st_ino;
  state.size = static_cast<std::uint64_t>(from.st_size);
  state.modified_us = from.st_mtim.tv_sec * us_per_s + from.st_mtim.tv_nsec / 1000;
  state.links = from.st_nlink;
  state.folder = S_ISDIR(from.st_mode);
  return state;
}

std::string escape_name(std::string_view name) {
  std::string out;
  out.reserve(name.size());
  for (const char c : name) {
    if (c >= 0x20 && c <= 0x7e && c != '%') {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

result<std::string> unescape_name(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
    if (high < 0 || low < 0) return fail(errc::corrupt, "'{}' is no escaped file name", text);
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

error system_error(int code, std::string_view action, std::string_view path) {
  const auto text = std::generic_category().message(code);
  return {code == ENOENT ? errc::not_found : errc::io_error,
          fmt::format("cannot {} {}: {}", action, escape_name(path), text),
          {}};
}

bool file_access::inside(std::string_view resolved) const {
  return std::any_of(allowed_.begin(), allowed_.end(), [&](std::string_view folder) {
    while (folder.ends_with('/')) folder.remove_suffix(1);
    return resolved.starts_with(folder) && (resolved.size() == folder.size() || resolved[folder.size()] == '/');
  });
}

tl::unexpected<error> file_access::not_allowed(std::string_view path) const {
  const std::string where = allowed_.empty()
                                ? fmt::format("{} in config.toml is empty: no folder may be read", key_)
                                : fmt::format("{} in config.toml allows {}", key_, fmt::join(allowed_, ", "));
  return with_hint(fail(errc::permission_denied, "{} is not in a folder that such sources may read", escape_name(path)),
                   where + "; symbolic links are followed before this is checked");
}

status file_access::check(std::string_view path) const {
  if (path.empty() || path.front() != '/' || path.find('\0') != std::string_view::npos) {
    return fail(errc::invalid_argument, "path '{}' is not absolute", escape_name(path));
  }
  if (path.size() >= PATH_MAX) {
    return fail(errc::invalid_argument, "a path of {} bytes is longer than {}", path.size(), PATH_MAX - 1);
  }
  if (has_parent_step(path)) {
    return fail(errc::permission_denied, "path {} holds '..'; write it without", escape_name(path));
  }
  std::error_code code;
  const auto canonical = std::filesystem::weakly_canonical(std::filesystem::path(path), code);
  if (!inside(code ? std::string(path) : canonical.string())) return not_allowed(path);
  return {};
}

result<std::string> file_access::resolve(std::string_view path) const {
  WEIR_TRY_VOID(check(path));
  std::error_code code;
  auto canonical = std::filesystem::canonical(std::filesystem::path(path), code);
  if (code) return fail(system_error(code.value(), "find", path));
  if (!inside(canonical.string())) return not_allowed(path);
  return canonical.string();
}

result<file_state> file_access::state(const std::string& resolved) const {
  struct ::stat found {};
  if (::lstat(resolved.c_str(), &found) != 0) return fail(system_error(errno, "find", resolved));
  if (!S_ISREG(found.st_mode) && !S_ISDIR(found.st_mode)) return special_file(resolved);
  return to_file_state(found);
}

result<file_handle> file_access::open(const std::string& resolved) const {
  WEIR_TRY_VOID(state(resolved));
  file_handle handle(::open(resolved.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (handle.fd() < 0) return fail(system_error(errno, "open", resolved));
  struct ::stat found {};
  if (::fstat(handle.fd(), &found) != 0) return fail(system_error(errno, "look at", resolved));
  if (!S_ISREG(found.st_mode)) {
    if (S_ISDIR(found.st_mode)) return fail(errc::io_error, "{} is a folder, not a file", escape_name(resolved));
    return special_file(resolved);
  }
  // A folder on the way may have become a link since resolve(): the kernel knows what was opened in the end.
  std::error_code code;
  const auto opened = std::filesystem::read_symlink(fmt::format("/proc/self/fd/{}", handle.fd()), code);
  if (!code && !inside(opened.string())) return not_allowed(resolved);
  return handle;
}

}  // namespace weir

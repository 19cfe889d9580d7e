#include "runtime/log/local_disk.hpp"

#include <sys/statvfs.h>

#include <cerrno>
#include <cstring>

namespace weir::local {

namespace {
constexpr std::chrono::milliseconds answer_age_limit{100};
}

disk_guard::disk_guard(std::filesystem::path path, std::uint64_t reserve_bytes,
                       std::function<result<std::uint64_t>()> free_bytes)
    : path_(std::move(path)), reserve_bytes_(reserve_bytes), free_bytes_(std::move(free_bytes)) {}

status disk_guard::check(std::uint64_t bytes) {
  std::lock_guard const lock(mutex_);
  auto const now = std::chrono::steady_clock::now();
  // A refusal is always taken from a fresh answer, so that freed space is seen at once.
  auto const enough = [&] { return free_ >= reserve_bytes_ + written_since_ + bytes; };
  if (now - asked_ > answer_age_limit || !enough()) {
    WEIR_TRY(free, free_bytes_());
    free_ = free;
    written_since_ = 0;
    asked_ = now;
  }
  if (!enough()) {
    return with_hint(fail(errc::no_space, "{}: {} bytes free; a commit of {} would leave less than the reserve of {}",
                          path_.string(), free_, bytes, reserve_bytes_),
                     "free space on this disk, or shorten the topics' retention");
  }
  written_since_ += bytes;
  return {};
}

result<std::uint64_t> free_bytes_of(const std::filesystem::path& path) {
  struct statvfs answer {};
  if (::statvfs(path.c_str(), &answer) != 0) {
    return fail(errc::io_error, "{}: free space: {}", path.string(), std::strerror(errno));
  }
  return static_cast<std::uint64_t>(answer.f_bavail) * answer.f_frsize;
}

}  // namespace weir::local

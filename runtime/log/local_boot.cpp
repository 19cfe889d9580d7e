#include "runtime/log/local_boot.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

namespace weir::local {

namespace {

constexpr char boot_id_file[] = "/proc/sys/kernel/random/boot_id";

// Writes and syncs one file or, with no text, syncs a folder.
status write_synced(const std::filesystem::path& path, int flags, std::string_view text) {
  auto const failed = [&](int reason) {
    return fail(reason == ENOSPC ? errc::no_space : errc::io_error, "{}: {}", path.string(), std::strerror(reason));
  };
  int const file = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
  if (file < 0) return failed(errno);
  auto const written = text.empty() ? 0 : ::write(file, text.data(), text.size());
  bool const good = written == static_cast<ssize_t>(text.size()) && ::fsync(file) == 0;
  int const reason = errno;
  ::close(file);
  if (!good) return failed(reason);
  return {};
}

}  // namespace

result<std::string> machine_boot_id() {
  std::ifstream in(boot_id_file);
  std::string id;
  if (!(in >> id)) return fail(errc::io_error, "{}: can't be read", boot_id_file);
  return id;
}

result<last_end> boot_file::read(std::string_view boot_id, bool database_exists) const {
  std::ifstream in(path_);
  if (!in.is_open()) return database_exists ? last_end::power_failed : last_end::first_open;
  std::string last_boot, state;
  in >> last_boot >> state;
  if (state != "running" && state != "closed") {
    return with_hint(fail(errc::corrupt, "{}: not what the log writes there", path_.string()),
                     "remove this file: the log then treats its last end as a power failure");
  }
  if (state == "closed") return last_end::clean;
  return last_boot == boot_id ? last_end::process_ended : last_end::power_failed;
}

status boot_file::write(std::string_view boot_id, std::string_view state) const {
  auto const fresh = std::filesystem::path(path_).concat(".new");
  WEIR_TRY_VOID(write_synced(fresh, O_WRONLY | O_CREAT | O_TRUNC, fmt::format("{} {}\n", boot_id, state)));
  std::error_code failed;
  std::filesystem::rename(fresh, path_, failed);
  if (failed) return fail(errc::io_error, "{}: {}", path_.string(), failed.message());
  return write_synced(path_.parent_path(), O_RDONLY | O_DIRECTORY, {});
}

}  // namespace weir::local

#include "actors/source/folder_ledger.hpp"

#include <dirent.h>
#include <fnmatch.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "actors/source/file_access.hpp"

namespace weir {
namespace {

struct folder_closer {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

bool is_folder(DIR* folder, const dirent& entry) {
  if (entry.d_type == DT_DIR) return true;
  if (entry.d_type != DT_UNKNOWN && entry.d_type != DT_LNK) return false;
  struct ::stat found {};
  return ::fstatat(::dirfd(folder), entry.d_name, &found, 0) == 0 && S_ISDIR(found.st_mode);
}

}  // namespace

void folder_ledger::restore(const file_position& position) {
  below_ = position.below;
  below_files_ = position.below_files;
  done_ = position.done;
}

void folder_ledger::save(file_position& position) const {
  position.below = below_;
  position.below_files = below_files_;
  position.done = done_;
}

bool folder_ledger::matches(const std::string& name) const {
  if (pattern_.empty()) return name.front() != '.';
  return ::fnmatch(pattern_.c_str(), name.c_str(), FNM_PERIOD) == 0;
}

result<std::set<std::string>> folder_ledger::list() const {
  const std::unique_ptr<DIR, folder_closer> folder(::opendir(folder_.c_str()));
  if (!folder) return fail(system_error(errno, "list", folder_));
  std::set<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(folder.get());
    if (entry == nullptr) break;
    const std::string name = entry->d_name;
    if (name == "." || name == ".." || !matches(name) || is_folder(folder.get(), *entry)) continue;
    names.insert(name);
    if (names.size() > max_files) {
      return with_hint(
          fail(errc::limit_exceeded, "folder {} holds more than {} files", escape_name(folder_), max_files),
          "move finished files away, or name fewer with a pattern");
    }
  }
  if (errno != 0) return fail(system_error(errno, "list", folder_));
  return names;
}

status folder_ledger::scan() {
  WEIR_TRY(names, list());
  file_count_ = names.size();
  const auto behind = below_.empty() ? names.begin() : names.upper_bound(below_);
  const auto at_or_below = static_cast<std::uint64_t>(std::distance(names.begin(), behind));
  if (at_or_below > below_files_) {
    return with_hint(fail(errc::conflict,
                          "folder {}: a file came too late for its name: {} files sort at or before {}, "
                          "{} were read",
                          escape_name(folder_), at_or_below, escape_name(below_), below_files_),
                     "rename the new file so that it sorts behind, or raise the option 'reorder'");
  }
  below_files_ = at_or_below;  // files that were taken away make no room for late ones
  unfinished_.clear();
  std::set_difference(behind, names.end(), done_.begin(), done_.end(), std::inserter(unfinished_, unfinished_.end()));
  return {};
}

void folder_ledger::finish(const std::string& name) {
  const std::string finished = name;  // `name` may be next()'s
  unfinished_.erase(finished);
  done_.insert(finished);
  while (done_.size() > reorder_) {
    below_ = *done_.begin();
    done_.erase(done_.begin());
    struct ::stat found {};
    if (::lstat((folder_ + '/' + below_).c_str(), &found) == 0) ++below_files_;
  }
}

}  // namespace weir

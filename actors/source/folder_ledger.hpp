// Which files of a folder are finished and which come next: name order, each name taken once.
//
// Finished is every name in `done` and every name that sorts (by bytes) at or before `below`. `done` holds at most
// `reorder` names: past that, its smallest becomes `below`. So a file may come out of name order and is still taken, as
// long as fewer than `reorder` finished files sort behind it. One that comes later still is an error, not silence: the
// files at or before `below` are counted, and there must never be more of them than were finished.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "actors/source/file_position.hpp"
#include "runtime/result.hpp"

namespace weir {

class folder_ledger {
 public:
  static constexpr std::size_t max_files = 100'000;  // names one folder may hold for us

  // folder: a resolved path. pattern: of names, as fnmatch(3); empty: every name without a leading dot.
  folder_ledger(std::string folder, std::string pattern, std::size_t reorder)
      : folder_(std::move(folder)), pattern_(std::move(pattern)), reorder_(reorder) {}

  void restore(const file_position& position);
  void save(file_position& position) const;

  // Reads the folder: subfolders and names that do not match are left out. errc::io_error, limit_exceeded (too many
  // names), conflict (a file came too late for its name).
  status scan();
  // The unfinished name that sorts first; nullptr: none. Valid until the next scan() or finish().
  const std::string* next() const { return unfinished_.empty() ? nullptr : &*unfinished_.begin(); }
  bool has_after(const std::string& name) const { return unfinished_.upper_bound(name) != unfinished_.end(); }
  void finish(const std::string& name);

  const std::string& folder() const { return folder_; }
  std::size_t file_count() const { return file_count_; }
  std::size_t finished_count() const { return file_count_ - unfinished_.size(); }

 private:
  bool matches(const std::string& name) const;
  result<std::set<std::string>> list() const;

  std::string folder_;
  std::string pattern_;
  std::size_t reorder_;
  std::string below_;
  std::uint64_t below_files_ = 0;
  std::set<std::string> done_;
  std::set<std::string> unfinished_;
  std::size_t file_count_ = 0;
};

}  // namespace weir

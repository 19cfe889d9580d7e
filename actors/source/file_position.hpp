// Where a file source stands, as the small JSON text that travels with its records and is committed with them.
//
//   {"v":1,
//    "file":{"path","dev","ino","bytes","size","modified","context","tail","done"},   the file in hand, or the last one
//    "below":NAME,"below_files":N,"done":[NAME...],                                   folders only
//    "ended":true}
//
// bytes counts content (of gzip: inflated) that complete records have used up. Names are escaped (escape_name).
// In a folder a file is finished when its name is in `done` or sorts at or before `below`; see folder_ledger.hpp.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "runtime/result.hpp"

namespace weir {

struct file_progress {
  std::string path;          // real path; in a folder the name there
  std::uint64_t device = 0;  // for people: it may change at a restart of the machine
  std::uint64_t inode = 0;
  std::uint64_t bytes = 0;  // content used up
  std::uint64_t size = 0;   // of the file, when last looked at
  std::int64_t modified_us = 0;
  std::string context_hash;  // of what the records need beside themselves (CSV: the header); empty without
  std::string tail_hash;     // of the bytes before `bytes`; empty for gzip and at the start
  bool done = false;

  bool operator==(const file_progress&) const = default;
};

struct file_position {
  std::optional<file_progress> file;
  std::string below;
  std::uint64_t below_files = 0;  // how many files sort at or before `below`
  std::set<std::string> done;
  bool ended = false;

  bool operator==(const file_position&) const = default;
};

std::string encode_position(const file_position& position);
// Empty text: the very start. errc::corrupt for what encode_position cannot have written.
result<file_position> decode_position(std::string_view text);

}  // namespace weir

// Which file a file source reads next, and when the one in hand is complete.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "actors/source/connector.hpp"
#include "actors/source/file_access.hpp"
#include "actors/source/file_position.hpp"
#include "actors/source/record_reader.hpp"
#include "runtime/result.hpp"

namespace weir {

struct file_options {
  std::string path;            // a file or a folder
  std::string pattern;         // of names in the folder `path`; empty: `path` itself is meant
  bool follow = false;         // a file that grows
  bool watch = false;          // a folder that gets new files
  std::int64_t settle_us = 0;  // how long a file must be unchanged to count as complete, where others write
  std::size_t reorder = 64;    // see folder_ledger
  format_spec format;
  std::size_t max_record_bytes = 1 << 20;
  std::int64_t poll_interval_us = 1'000'000;  // between two looks at what may have changed
};

class file_sequence {
 public:
  enum class verdict {
    wait,        // more may be written
    read_again,  // something changed: read on, then ask again
    finish       // nothing will be written any more
  };

  virtual ~file_sequence() = default;
  // The file to read next, opened where it is to be read on; nullptr: none for now. now_us: wall clock.
  virtual result<std::unique_ptr<record_reader>> next(std::int64_t now_us) = 0;
  // The file in hand has been read to its end as it is now.
  virtual result<verdict> at_end(const record_reader& reader, std::int64_t now_us) = 0;
  virtual void finished(const file_progress& progress) = 0;
  // Nothing will ever follow. Asked when no file is in hand.
  virtual result<bool> exhausted() = 0;
  // Where the source stands; `in_hand`: of the file being read.
  virtual file_position position(std::optional<file_progress> in_hand) const = 0;
  virtual std::string progress(const record_reader* in_hand) const = 0;  // for people
};

// Folder or file is decided by what stands at the path. errc as file_access and decode.
result<std::unique_ptr<file_sequence>> make_file_sequence(const file_options& options, const file_access& access,
                                                          const file_position& position);
std::unique_ptr<file_sequence> make_single_file(const file_options& options, const file_access& access,
                                                const file_position& position);
std::unique_ptr<file_sequence> make_folder_files(const file_options& options, const file_access& access,
                                                 std::string resolved_folder, const file_position& position);

// A file is settled when neither its size nor its time of change moved for a while: by its own time of change, or,
// where the clocks of writer and reader disagree, as seen from here.
class settle_watch {
 public:
  bool settled(const file_state& state, std::int64_t now_us, std::int64_t settle_us);

 private:
  file_state seen_;
  std::int64_t since_us_ = 0;
};

// At most one look per interval, so that waiting for new data costs little.
class look_limiter {
 public:
  explicit look_limiter(std::int64_t interval_us) : interval_us_(interval_us) {}
  bool due(std::int64_t now_us);
  void at_once() { last_us_.reset(); }  // the next question is due

 private:
  std::int64_t interval_us_;
  std::optional<std::int64_t> last_us_;
};

}  // namespace weir

// The content of one file as a stream of bytes: as it is, or inflated when its first two bytes say gzip (whatever its
// name). Memory is bounded by what one call asks for.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "actors/source/file_access.hpp"
#include "runtime/format/framer.hpp"
#include "runtime/result.hpp"

namespace weir {

class input_file {
 public:
  // `path` names the file in errors; the handle must outlive the input (several inputs may read one handle).
  input_file(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}

  // Appends up to max_bytes of content to `out`; 0: nothing more now. An error comes only when nothing was appended:
  // errc::io_error, corrupt (names the byte of the file).
  result<std::size_t> read(std::string& out, std::size_t max_bytes);
  // Passes over content up to `offset`, at most `budget` bytes of it: true when there. Content that ends before:
  // errc::offset_out_of_range.
  result<bool> skip_to(std::uint64_t offset, std::size_t budget);

  std::uint64_t offset() const { return offset_; }           // bytes of content handed out or passed over
  std::uint64_t file_offset() const { return raw_offset_; }  // bytes of the file read
  bool compressed() const { return inflater_ != nullptr; }
  // The end of the file is no end of its content: half a gzip member stands there.
  bool cut_short() const;
  tl::unexpected<error> cut_short_error() const;
  result<file_state> state() const;
  // After a wait for more: what was read must still be there. errc::offset_out_of_range for a file that shrank,
  // errc::conflict for one that was written anew.
  status still_the_same() const;
  // A hash of the last bytes of the file before `offset` (plain files only).
  result<std::string> tail_hash(std::uint64_t offset) const;

 private:
  status detect();
  result<std::size_t> read_file(char* to, std::size_t size, std::uint64_t at) const;
  result<std::size_t> read_plain(std::string& out, std::size_t max_bytes);
  result<std::size_t> read_inflated(std::string& out, std::size_t max_bytes);
  void remember_tail(std::string_view read);

  int fd_;
  std::string path_;
  bool detected_ = false;
  bool half_magic_ = false;  // one byte stands there that may begin gzip
  std::uint64_t offset_ = 0;
  std::uint64_t raw_offset_ = 0;
  std::string tail_;  // the last raw bytes read
  std::unique_ptr<gzip_inflater> inflater_;
  std::string raw_;              // compressed bytes
  std::size_t raw_at_ = 0;       // the first of them not inflated yet
  std::optional<error> broken_;  // met behind bytes that were handed out
};

}  // namespace weir

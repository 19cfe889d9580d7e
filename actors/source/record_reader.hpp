// One file's records from a position on, at most so many at a time, with the exact position behind them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "actors/source/connector.hpp"
#include "actors/source/file_access.hpp"
#include "actors/source/file_position.hpp"
#include "actors/source/input_file.hpp"
#include "runtime/result.hpp"

namespace weir {

class record_reader {
 public:
  enum class reached {
    limit,  // there may be more at once
    end     // nothing more stands in the file now
  };

  // `path`: resolved, for errors. `resume`: where an earlier reader of this same file stopped; its context is read
  // again and compared. errc::offset_out_of_range, conflict: the file is not what it was.
  static result<std::unique_ptr<record_reader>> open(file_handle handle, std::string path, const format_spec& format,
                                                     std::size_t max_record_bytes, const file_progress* resume);

  // Appends to the chunk's records and failures, within the limits together with what the chunk holds already; a single
  // record may be larger than max_bytes. An error comes only when nothing was appended by this call.
  result<reached> read(const pull_limits& limits, source_chunk& chunk);
  // The file is complete: its unfinished last record, if any. Call after reached::end.
  status finish(source_chunk& chunk);

  // As of the last read() or finish(); path is left empty.
  result<file_progress> progress();
  std::string_view context() const { return framer_->context(); }
  const input_file& input() const { return input_; }
  const std::string& path() const { return path_; }
  int percent() const;  // of the file as it is now, for people

 private:
  record_reader(file_handle handle, std::string path)
      : handle_(std::move(handle)), path_(path), input_(handle_.fd(), path) {}
  status resume_at(const format_spec& format, std::size_t max_record_bytes, const file_progress& from);
  result<std::string> read_context(const format_spec& format, std::size_t max_record_bytes,
                                   std::uint64_t read_bytes) const;
  result<bool> fill();
  std::string_view next_piece(const pull_limits& limits, const source_chunk& chunk) const;
  bool full(const pull_limits& limits, const source_chunk& chunk) const;

  file_handle handle_;
  std::string path_;
  input_file input_;
  std::unique_ptr<framer> framer_;
  std::uint64_t base_ = 0;     // content bytes before the framer's first
  std::uint64_t skip_to_ = 0;  // gzip: content still to be passed over
  std::uint64_t fed_ = 0;      // bytes given to the framer
  std::string block_;          // content read and not all fed
  std::size_t block_at_ = 0;
  bool waited_ = false;  // the last read met the end
};

}  // namespace weir

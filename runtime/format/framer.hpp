// Bytes to records: finds where one record ends and the next begins, in a stream of bytes that comes in pieces.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/format/record_decoder.hpp"
#include "runtime/result.hpp"

namespace weir {

struct frame_failure {
  std::string reason;
  std::string bytes;  // the original bytes; an over-long record is cut to the first max_record bytes
};

class framer {
 public:
  virtual ~framer() = default;
  // Takes the next bytes of the input and appends every record that is complete. Over-long records (max_record) become
  // failures: their remaining bytes are skipped, the next record is found again.
  virtual void feed(std::string_view bytes, raw_records& out, std::vector<frame_failure>& failures) = 0;
  // The input has ended: hands out an unfinished last record (a line without its newline), or its failure.
  virtual void finish(raw_records& out, std::vector<frame_failure>& failures) = 0;
  // Bytes of the input that complete records (and failures) have used up: the position to resume from.
  virtual std::uint64_t consumed() const = 0;
  // What the records need beside themselves: the CSV header once it was read; empty for formats without one.
  virtual std::string_view context() const = 0;
  virtual bool context_ready() const = 0;
};

// Records end at newlines (\n or \r\n); in CSV, at newlines outside quotes. Empty lines are skipped, so is a byte order
// mark at the start (raw keeps it). invalid_argument for an unknown format or option and for max_record outside 1 B..1
// GiB. Resuming in the middle: `at_start` is false, and `context` is what an earlier run saw (CSV header).
result<std::unique_ptr<framer>> make_framer(const format_spec& spec, std::size_t max_record, std::string_view context,
                                            bool at_start = true);

// Inflates gzip (several members, too). Bounded: the caller decides how much output it takes at a time.
class gzip_inflater {
 public:
  gzip_inflater();
  ~gzip_inflater();
  gzip_inflater(const gzip_inflater&) = delete;
  gzip_inflater& operator=(const gzip_inflater&) = delete;

  // Inflates from `input` (advancing it) until the input is used up or `max_output` bytes were appended to `out`.
  // When exactly max_output bytes came out, more may be waiting: call again, even with the input used up.
  // errc::corrupt for bytes that are no gzip or whose checksum is wrong.
  status inflate(std::string_view& input, std::string& out, std::size_t max_output);
  // True behind a member: an input that ends here is complete, one that ends elsewhere (or is empty) was truncated.
  bool at_member_end() const;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace weir

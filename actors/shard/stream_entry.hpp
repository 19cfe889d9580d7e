// One entry of a stream's topic: what ingest took from one source at one time, as it stands in the log.
//
// Records and marks take dense numbers in the stream's partition: `first_number` belongs to the first record, marks
// follow the records. A task's position is such a number; the log's offset is only where to look (PROTOCOL 2).
//
//   log header   first_number, records, marks (varints): enough to seek without reading the value
//   log value    version, source, format, context, first_sequence, arrival, clocks, event times, late flags, lengths,
//                marks, and at the end the records' original bytes
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/operators/stamped_batch.hpp"
#include "runtime/result.hpp"

namespace weir {

enum class mark_kind : std::uint8_t {
  opened,    // a source; its windows and watermark begin
  idle,      // it was silent for the stream's `idle`: it holds nothing back
  returned,  // it spoke again
  ended,     // it said that nothing follows
  removed,   // a user removed it
  advanced,  // a shard without live sources took over the stream's watermark `time_us`
  flushed,   // no source of the stream is live: every window that holds a record up to `time_us` closes
};

struct stream_mark {
  mark_kind kind = mark_kind::opened;
  std::string source;        // of the first five
  std::int64_t time_us = 0;  // of the last two; for idle, ended and removed the source's largest event time

  bool operator==(const stream_mark&) const = default;
};

struct stream_entry {
  std::uint64_t first_number = 0;
  std::string source;   // of the records; empty when there are only marks
  std::string format;   // when the source has another than its stream
  std::string context;  // CSV header and the like
  std::uint64_t first_sequence = 0;
  std::int64_t arrival_us = 0;
  raw_records records;
  std::vector<std::uint64_t> sequence;      // per record, rising from first_sequence
  std::vector<std::int64_t> event_time_us;  // per record
  std::vector<std::uint8_t> late;           // per record: late_flag bits
  std::vector<stream_mark> marks;
  clock_state stream_clock;                                        // after records and marks
  std::vector<std::pair<std::string, clock_state>> source_clocks;  // of the sources whose own clock changed

  std::uint64_t next_number() const { return first_number + records.size() + marks.size(); }
};

// Only the numbers, from a log entry's header.
struct entry_numbers {
  std::uint64_t first = 0, next = 0;
};
std::string encode_entry_header(const stream_entry& entry);
result<entry_numbers> decode_entry_header(std::string_view header);

std::string encode_entry(const stream_entry& entry);
// errc::corrupt for bytes that are no entry; never crashes, whatever they are. The entry's records stay where they are
// in `value`.
result<stream_entry> decode_entry(std::string value);

}  // namespace weir

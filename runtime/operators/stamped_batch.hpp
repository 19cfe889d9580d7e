// Rows on their way through a pipeline, with what weir knows of each beside its columns.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/batch/column.hpp"
#include "runtime/format/record_decoder.hpp"

namespace weir {

inline constexpr std::int64_t no_watermark = std::numeric_limits<std::int64_t>::min();

// Set at ingest and never decided again (PROTOCOL 12).
enum late_flag : std::uint8_t {
  late_for_source = 1,  // behind its own source's watermark: no window that closes on its source takes it
  late_for_stream = 2,  // behind the stream's: no other window takes it
};

struct stamped_batch {
  record_batch rows;
  std::vector<std::int64_t> event_time_us;
  std::vector<std::uint32_t> source;    // index into *sources
  std::vector<std::uint64_t> sequence;  // the source's own count; ties break by (event time, source, sequence)
  std::vector<std::uint8_t> late;       // late_flag bits
  std::vector<std::int8_t> sign;        // empty: all +1. -1 takes back a row of an upsert view (before its successor)
  std::shared_ptr<const std::vector<std::string>> sources;
  // The records as they arrived, for late and dead letters; none for rows of views. original[i] belongs to row i.
  std::shared_ptr<const raw_records> raw;
  std::vector<std::uint32_t> original;

  std::size_t size() const { return rows.rows; }
  std::int8_t sign_of(std::size_t row) const { return sign.empty() ? std::int8_t{1} : sign[row]; }
};

// How far time has come in one input, after the batch that it follows. Everything up to `watermark` has been seen; a
// flush says that nothing holds windows open up to the window that holds `flushed_us` (PROTOCOL 12), no_watermark:
// none.
struct clock_state {
  std::int64_t watermark_us = no_watermark;
  std::int64_t flushed_us = no_watermark;

  bool operator==(const clock_state&) const = default;
};

struct time_progress {
  clock_state stream;                            // minimum over sources (and, behind a shuffle, over shards)
  std::map<std::string, clock_state> by_source;  // sources that advanced since the last call, on their own clocks
};

}  // namespace weir

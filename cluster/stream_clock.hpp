// Brings one stream's time forward in shards that have no live source of it: their watermark would hold back every
// window that closes on the minimum over shards (PROTOCOL 12, 13). A plain class: shards report, it answers what they
// should record as marks; marks are records in the stream, so replay sees the same.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "runtime/operators/stamped_batch.hpp"

namespace weir {

// What one shard says of one stream, as of a cut.
struct shard_clock {
  int live_sources = 0;                           // neither idle nor ended
  int quiet_sources = 0;                          // hold nothing back, and may speak again at any time
  std::int64_t watermark_us = no_watermark;       // W of this stream and shard
  std::int64_t flushed_us = no_watermark;         // event time of its last flush mark
  std::int64_t max_event_time_us = no_watermark;  // newest event time seen; none: no record yet
  std::int64_t control_offset = -1;               // the control state it ran under

  bool operator==(const shard_clock&) const = default;
};

struct clock_advice {
  int shard = 0;
  bool flush = false;  // record a flush mark at time_us; else advance W to time_us
  std::int64_t time_us = 0;

  bool operator==(const clock_advice&) const = default;
};

class stream_clock {
 public:
  explicit stream_clock(int shards);

  // Times and the control offset never go back; a report under an older control offset than known says nothing new.
  // Shards outside 0 .. shards - 1 are ignored.
  void report(int shard, const shard_clock& clock);
  // A shard stopped: nothing is known of it until it reports again. Its marks may not have been committed, so what it
  // said of time is forgotten too; its own watermark cannot go back behind what it has committed.
  void forget(int shard);
  // Advice that changes something. None until every shard has reported under one control offset: else a source that
  // some do not know yet may be about to open, and would find time ahead of it.
  // - Some shard has live sources: the others advance to the minimum of those shards' watermarks.
  // - None has, nor quiet ones, and a record was seen: everyone flushes at the newest event time.
  std::vector<clock_advice> advise() const;

 private:
  struct shard_state {
    shard_clock clock;
    bool heard = false;
  };

  std::vector<shard_state> shards_;
};

}  // namespace weir

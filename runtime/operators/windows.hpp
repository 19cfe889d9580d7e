// When windows begin, end and close.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "runtime/operators/stamped_batch.hpp"
#include "runtime/sql/plan.hpp"
#include "runtime/time/timestamp.hpp"

namespace weir {

// What is closed by a flush at `flushed_us`: every record before the horizon is late. The tumble window that holds it
// and all before; every session that a record at or before it could still be in.
inline std::int64_t flush_horizon(const window_spec& window, std::int64_t flushed_us) {
  if (flushed_us == no_watermark || window.kind == window_kind::none) return no_watermark;
  if (flushed_us > timestamp_max_us) return std::numeric_limits<std::int64_t>::max();
  if (flushed_us < timestamp_min_us) return no_watermark;
  if (window.kind == window_kind::session) return flushed_us + window.size_us + 1;
  return floor_to(flushed_us, window.size_us, window.offset_us) + window.size_us;
}

// How far time has closed windows, by watermark or by flush.
inline std::int64_t closing_horizon(const window_spec& window, const clock_state& clock) {
  return std::max(clock.watermark_us, flush_horizon(window, clock.flushed_us));
}

// A tumble window [start, end) takes nothing from its end on; a session takes a record exactly at its end.
inline bool closed_by(const window_spec& window, std::int64_t window_end, std::int64_t horizon) {
  return window.kind == window_kind::session ? horizon > window_end : horizon >= window_end;
}

}  // namespace weir

#include "cluster/stream_clock.hpp"

#include <algorithm>

#include "runtime/fault/protocol_rules.hpp"

namespace weir {

stream_clock::stream_clock(int shards) : shards_(static_cast<std::size_t>(std::max(shards, 1))) {}

void stream_clock::report(int shard, const shard_clock& clock) {
  if (shard < 0 || static_cast<std::size_t>(shard) >= shards_.size()) return;
  shard_state& to = shards_[static_cast<std::size_t>(shard)];
  to.clock.watermark_us = std::max(to.clock.watermark_us, clock.watermark_us);
  to.clock.flushed_us = std::max(to.clock.flushed_us, clock.flushed_us);
  to.clock.max_event_time_us = std::max(to.clock.max_event_time_us, clock.max_event_time_us);
  if (to.heard && clock.control_offset < to.clock.control_offset) return;
  to.clock.control_offset = std::max(to.clock.control_offset, clock.control_offset);
  to.clock.live_sources = clock.live_sources;
  to.clock.quiet_sources = clock.quiet_sources;
  to.heard = true;
}

void stream_clock::forget(int shard) {
  if (shard < 0 || static_cast<std::size_t>(shard) >= shards_.size()) return;
  shards_[static_cast<std::size_t>(shard)] = {};
}

std::vector<clock_advice> stream_clock::advise() const {
  bool any_live = false, any_quiet = false;
  bool one_control_state = true;
  std::int64_t live_minimum = std::numeric_limits<std::int64_t>::max();
  std::int64_t newest = no_watermark;
  for (const auto& [clock, heard] : shards_) {
    if (!heard) return {};
    one_control_state = one_control_state && clock.control_offset == shards_.front().clock.control_offset;
    newest = std::max(newest, clock.max_event_time_us);
    any_quiet = any_quiet || clock.quiet_sources > 0;
    if (clock.live_sources == 0) continue;
    any_live = true;
    live_minimum = std::min(live_minimum, clock.watermark_us);
  }
  if (!one_control_state) return {};
  std::vector<clock_advice> advice;
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    const shard_clock& clock = shards_[i].clock;
    const int shard = static_cast<int>(i);
    if (any_live) {
      const bool behind = clock.live_sources == 0 && live_minimum > clock.watermark_us;
      if (behind && rule_on(13)) advice.push_back({shard, false, live_minimum});
    } else if (!any_quiet && newest > clock.flushed_us && rule_on(12)) {
      advice.push_back({shard, true, newest});
    }
  }
  return advice;
}

}  // namespace weir

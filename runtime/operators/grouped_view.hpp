// What local and merging operators share: open groups in one shard, their closing, their rows and their stored state.
//
// Stored entries: kind byte, then
//   'g'  [window start, 8 bytes that sort] group key   -> version, group_store::serialize, [the row that stands]
//   'c'                                                -> version, the stream's watermark and flush
//   'f'  source                                        -> version, the source's flush (local views)
// Rows of a window have the event time window_end - 1 ms, but never one before the window: a view over the view then
// sees them in their own time; they are late for the stream when window_end was not ahead of it. Rows of running groups
// have the largest event time of the group.
//
// A running table's ttl and max_rows look at what one shard holds when an epoch ends; which rows they evict depends on
// where epochs are cut, so eviction lies outside rule 16 of the protocol, and so does the event time of a group that an
// upsert input emptied and filled again.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/operators/group_projection.hpp"
#include "runtime/operators/group_store.hpp"
#include "runtime/operators/output_rows.hpp"

namespace weir {

// The row of emit = 'changes' that stands for a group now.
struct standing_row {
  std::string row;  // put_row over the output columns
  std::int64_t event_time_us = 0;
  bool operator==(const standing_row&) const = default;
};

class grouped_view {
 public:
  // by_source: windows close on the clock of the source in the group key (PROTOCOL 12), else on the stream's.
  grouped_view(const view_plan& plan, const operator_limits& limits, bool by_source);

  // Rows of this shard. errc::internal when one that is not late would open a closed window.
  status add(const grouping_rows& rows);
  // One group of a partial aggregate. errc::internal for a closed window, errc::corrupt. settle() follows the last one.
  status merge(std::string_view key, std::string_view bytes);
  // Queues the windows that merges opened, and checks the limits.
  status settle();
  status advance(const time_progress& progress, operator_output& out);
  status cut(operator_output& out, std::vector<state_change>& changes);
  status restore(std::string_view key, std::string_view value);
  void forget(std::string_view key);
  void restate(operator_output& out) const;
  void told_until(const clock_state& clock);

  // What process() must know of lateness.
  const std::unordered_map<std::string, std::int64_t>& flush_horizons() const { return flush_horizons_; }
  std::size_t memory_bytes() const;
  std::size_t group_count() const { return store_.live_count(); }

 private:
  // A clock that closes windows: the stream's, or one source's.
  struct closing_clock {
    clock_state now;
    std::int64_t horizon = no_watermark;
    std::map<std::int64_t, std::vector<std::uint32_t>> open;  // slots by the end of their window
  };
  // What this shard knows of a group beside its aggregates; by slot.
  struct bookkeeping {
    std::uint32_t clock = 0;
    bool queued = false;  // in clocks_[clock].open, where these say
    std::int64_t queued_end = 0;
    std::size_t queued_at = 0;
    std::string stored_key;  // state entry that stands for it; empty: none
    std::optional<standing_row> standing;
    std::int64_t aged = no_watermark;  // running: under which event time it stands in by_age_
  };
  struct older {
    const grouped_view* view;
    bool operator()(const std::pair<std::int64_t, std::uint32_t>& a,
                    const std::pair<std::int64_t, std::uint32_t>& b) const;
  };

  status follow_store();
  status check_limits() const;
  std::uint32_t clock_of(std::uint32_t slot);
  std::uint32_t clock_of_source(const std::string& source);
  void unqueue(std::uint32_t slot);
  void move_clock(std::uint32_t clock, const clock_state& now);
  void collect_due(std::uint32_t clock, std::vector<std::uint32_t>& due) const;
  void order(std::vector<std::uint32_t>& slots) const;
  void end_group(std::uint32_t slot);

  void emit_closed(const std::vector<std::uint32_t>& due, operator_output& out);
  void emit_final(const std::vector<std::uint32_t>& slots, operator_output& out);
  void emit_changes(const std::vector<std::uint32_t>& slots, operator_output& out);
  void put_standing(const standing_row& row, std::string_view key, std::int8_t sign, output_rows& out) const;
  void report(const projected_groups::failure& failure, std::uint32_t slot, operator_output& out) const;
  std::int64_t event_time(std::uint32_t slot) const;
  std::uint8_t late_flags(std::int64_t event_time_us) const;
  std::string source_of(std::string_view key) const;

  void evict(std::vector<std::uint32_t>& changed, operator_output& out);
  void age(std::uint32_t slot);
  std::string state_key(std::uint32_t slot) const;
  std::string state_value(std::uint32_t slot) const;
  void hand_out(const std::vector<std::uint32_t>& changed, std::vector<state_change>& changes);
  status restore_group(std::string_view key, std::string_view value);
  bool is_changes() const { return plan_.emit == emit_mode::changes || running_; }

  const view_plan& plan_;
  bool by_source_;
  bool running_;
  group_store store_;
  std::vector<bookkeeping> book_;
  clock_state stream_;
  bool stream_changed_ = false;
  std::int64_t told_horizon_ = no_watermark;
  std::vector<closing_clock> clocks_;  // by_source: one a source; else the stream's alone
  std::unordered_map<std::string, std::uint32_t> clock_numbers_;
  std::unordered_map<std::string, std::int64_t> flush_horizons_;
  std::map<std::string, std::int64_t> changed_flushes_;
  std::vector<std::string> deleted_;                           // stored keys of groups that are gone
  std::vector<std::pair<std::string, standing_row>> orphans_;  // rows of sessions that became part of another
  std::set<std::pair<std::int64_t, std::uint32_t>, older> by_age_;
  std::size_t standing_bytes_ = 0;
  operator_limits limits_;
};

}  // namespace weir

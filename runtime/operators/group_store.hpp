// The groups of a grouping operator: who they are, their windows and their accumulators.
//
// A group is a slot number. Rows find their slots first, all rows of a batch, then each aggregate runs once over the
// batch. Tumbling windows and running groups are found by (key, window start); the open sessions of a key stand in
// order of time, and two that touch become one: the union of intervals, so the order of rows and partials cannot
// matter.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/operators/aggregate/accumulator_array.hpp"
#include "runtime/operators/batch_keys.hpp"
#include "runtime/operators/group_index.hpp"
#include "runtime/operators/grouping_input.hpp"

namespace weir {

struct group {
  // What every row looks at comes first.
  std::string key;         // encoded
  std::int64_t start = 0;  // tumble: the window's start; session: the first record
  bool live = false;
  bool changed = false;                // in changed()
  bool moved = false;                  // in moved()
  std::uint64_t hash = 0;              // of the key; tumble: and the window
  std::int64_t last = 0;               // session: the last record
  std::int64_t newest = no_watermark;  // largest event time; kept for running groups only
  std::int64_t rows = 0;               // kept over upsert inputs only
};

class group_store {
 public:
  static constexpr std::uint32_t none = group_index::none;

  group_store(const view_plan& plan, const operator_limits& limits);

  status add(const grouping_rows& rows);
  // Merges a group that serialize wrote, and gives its slot (after sessions have become one). errc::corrupt.
  result<std::uint32_t> merge(std::string_view key, byte_reader& in);
  // The slot of a live group; start: as in group. Else none.
  std::uint32_t find(std::string_view key, std::int64_t start) const;
  // Makes sure that the one group of a running plan without keys is there: it exists even without rows.
  void open_sole_group() { find_or_create({}, table_hash(std::string_view{}), 0); }
  // [window] [rows] [newest] accumulators; without the key.
  void serialize(std::uint32_t slot, std::string& out) const;
  // The window fields at the front of a serialized group: start and last record (tumble: both the start). Checks them.
  static bool read_window(const window_spec& window, byte_reader& in, std::int64_t& start, std::int64_t& last);

  const group& at(std::uint32_t slot) const { return groups_[slot]; }
  std::int64_t window_end(std::uint32_t slot) const;
  std::size_t slot_count() const { return groups_.size(); }
  std::size_t live_count() const { return live_; }
  const accumulator_array& aggregate(std::size_t k) const { return *aggregates_[k]; }

  // Slots that took something, lost nothing of it yet, since forget_changes; may name slots that are no longer live.
  const std::vector<std::uint32_t>& changed() const { return changed_; }
  void forget_changes();
  // Slots whose window is new or grew, and slots that were merged into another one, since the last take. The latter are
  // no longer live, and wait for release().
  std::vector<std::uint32_t> take_moved();
  std::vector<std::uint32_t> take_absorbed();

  // Ends a live group, or one that was absorbed: its slot may be used again.
  void release(std::uint32_t slot);
  void clear();

  std::size_t memory_bytes() const;
  // errc::limit_exceeded, with what to do.
  status check_limits() const;
  std::string describe(std::uint32_t slot) const;  // "view v, group ..."

 private:
  struct session_list {
    std::string key;
    std::uint64_t hash = 0;
    std::vector<std::uint32_t> slots;  // ascending, none within the gap of another
  };

  void fetch_ahead(std::size_t row, std::size_t rows, std::int64_t start) const;
  void assign_windows(const grouping_rows& rows);
  void assign_sessions(const grouping_rows& rows);
  void count_rows(const grouping_rows& rows);
  status accumulate(const grouping_rows& rows);
  std::uint32_t find_or_create(std::string_view key, std::uint64_t key_hash, std::int64_t start);
  std::uint32_t session_slot(std::string_view key, std::uint64_t key_hash, std::int64_t first, std::int64_t last);
  std::uint32_t session_list_of(std::string_view key, std::uint64_t key_hash);
  void absorb(std::uint32_t into, std::uint32_t from);
  void drop_from_session_list(std::uint32_t slot);
  std::uint32_t new_slot(std::string_view key, std::uint64_t hash);
  void mark_changed(std::uint32_t slot);
  void mark_moved(std::uint32_t slot);

  const view_plan& plan_;
  operator_limits limits_;
  bool upsert_input_;
  bool running_;
  std::vector<group> groups_;
  std::vector<std::uint32_t> free_slots_, changed_, moved_, absorbed_;
  std::size_t live_ = 0;
  std::size_t key_bytes_ = 0;
  std::vector<std::unique_ptr<accumulator_array>> aggregates_;
  group_index index_;  // groups; of sessions: lists
  std::vector<session_list> session_lists_;
  std::vector<std::uint32_t> free_lists_;
  std::vector<std::uint32_t> absorbed_by_;  // per slot, only while sessions of a batch are assigned
  bool any_absorbed_ = false;
  status absorbed_well_;  // a limit that merging sessions went past
  batch_keys keys_;
  std::vector<std::uint32_t> slots_;  // of the rows of the batch
};

}  // namespace weir

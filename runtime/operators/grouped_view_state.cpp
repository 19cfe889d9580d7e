// The stored state of a grouped view: what a cut hands out and restore takes back.
#include <algorithm>

#include "runtime/operators/grouped_view.hpp"
#include "runtime/operators/value_codec.hpp"
#include "runtime/operators/windows.hpp"
#include "runtime/time/timestamp.hpp"

namespace weir {

namespace {

constexpr char group_kind = 'g', clock_kind = 'c', flush_kind = 'f';
constexpr std::uint8_t state_version = 1;
constexpr std::uint64_t sign_bit = std::uint64_t{1} << 63;
constexpr std::size_t running_prefix = 1, window_prefix = 9;  // of a group's entry, before the group's key

status corrupt(const view_plan& plan, std::string_view what) {
  return fail(errc::corrupt, "view {}: stored state: {}", plan.name, what);
}

std::string clock_value(const clock_state& clock) {
  std::string out;
  put_u8(out, state_version);
  put_i64(out, clock.watermark_us);
  put_i64(out, clock.flushed_us);
  return out;
}

}  // namespace

std::string grouped_view::state_key(std::uint32_t slot) const {
  std::string out(1, group_kind);
  const auto& g = store_.at(slot);
  if (!running_) {
    const std::uint64_t start = static_cast<std::uint64_t>(g.start) ^ sign_bit;
    for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(start >> shift));
  }
  return out + g.key;
}

std::string grouped_view::state_value(std::uint32_t slot) const {
  std::string out;
  put_u8(out, state_version);
  store_.serialize(slot, out);
  if (!is_changes()) return out;
  const auto& standing = book_[slot].standing;
  put_u8(out, standing ? 1 : 0);
  if (!standing) return out;
  put_i64(out, standing->event_time_us);
  out.append(standing->row);
  return out;
}

void grouped_view::hand_out(const std::vector<std::uint32_t>& changed, std::vector<state_change>& changes) {
  // A session's entry moves when its first record does; a slot that takes a key over replaces its deletion.
  std::vector<state_change> entries;
  entries.reserve(changed.size() + deleted_.size());
  for (const auto slot : changed) {
    auto key = state_key(slot);
    auto& stored = book_[slot].stored_key;
    if (!stored.empty() && stored != key) deleted_.push_back(std::move(stored));
    stored = key;
    entries.push_back({std::move(key), state_value(slot)});
  }
  if (stream_changed_) entries.push_back({std::string(1, clock_kind), clock_value(stream_)});
  for (const auto& [source, flushed] : changed_flushes_)
    entries.push_back({flush_kind + source, clock_value({no_watermark, flushed})});
  for (auto& key : deleted_) entries.push_back({std::move(key), std::nullopt});
  deleted_.clear();
  stream_changed_ = false;
  changed_flushes_.clear();
  std::ranges::stable_sort(entries, {}, &state_change::key);
  const auto twice = std::ranges::unique(entries, {}, &state_change::key);
  changes.insert(changes.end(), std::make_move_iterator(entries.begin()), std::make_move_iterator(twice.begin()));
}

status grouped_view::restore(std::string_view key, std::string_view value) {
  if (key.empty()) return corrupt(plan_, "an empty key");
  if (key[0] == group_kind) return restore_group(key, value);
  byte_reader in(value);
  const bool version_known = in.u8() == state_version;
  clock_state clock;
  clock.watermark_us = in.i64();
  clock.flushed_us = in.i64();
  if (!version_known || !in.ok() || !in.at_end()) return corrupt(plan_, "a clock that cannot be read");
  if (key.size() == 1 && key[0] == clock_kind) {
    stream_ = clock;
    if (!by_source_) move_clock(0, clock);
    return {};
  }
  if (key[0] != flush_kind || !by_source_) return corrupt(plan_, "a key of unknown kind");
  const std::string source(key.substr(1));
  move_clock(clock_of_source(source), {no_watermark, clock.flushed_us});
  flush_horizons_[source] = flush_horizon(plan_.window, clock.flushed_us);
  return {};
}

void grouped_view::forget(std::string_view key) {
  const std::size_t prefix = running_ ? running_prefix : window_prefix;
  if (key.size() < prefix || key[0] != group_kind) return;
  std::uint64_t start = running_ ? sign_bit : 0;
  for (std::size_t i = 1; i < prefix; ++i) start = start << 8 | static_cast<unsigned char>(key[i]);
  const auto slot = store_.find(key.substr(prefix), static_cast<std::int64_t>(start ^ sign_bit));
  if (slot == group_store::none) return;
  book_[slot].stored_key.clear();  // no deletion for the next cut
  end_group(slot);
}

status grouped_view::restore_group(std::string_view key, std::string_view value) {
  const std::size_t prefix = running_ ? running_prefix : window_prefix;
  byte_reader in(value);
  if (key.size() < prefix || in.u8() != state_version) return corrupt(plan_, "a group of another version");
  const std::size_t live = store_.live_count();
  WEIR_TRY(slot, store_.merge(key.substr(prefix), in));
  if (store_.live_count() != live + 1) return corrupt(plan_, "a group that stands there twice");
  if (!follow_store()) return corrupt(plan_, "a group whose window is closed");
  std::optional<standing_row> standing;
  if (is_changes() && in.u8() == 1) {
    standing.emplace().event_time_us = in.i64();
    if (standing->event_time_us < timestamp_min_us || standing->event_time_us > timestamp_max_us) in.reject();
    const auto before = in.rest();
    batch_builder check(plan_.output_columns);
    for (std::size_t c = 0; c < plan_.output_columns->fields.size(); ++c) read_value(in, check.at(c));
    standing->row = before.substr(0, before.size() - in.remaining());
  }
  if (!in.ok() || !in.at_end()) return corrupt(plan_, "a group that cannot be read");
  if (state_key(slot) != key) return corrupt(plan_, "a group under another window's key");
  auto& b = book_[slot];
  b.stored_key = key;
  if (standing) standing_bytes_ += standing->row.size();
  b.standing = std::move(standing);
  if (running_ && (plan_.ttl_us > 0 || plan_.max_rows > 0)) age(slot);
  store_.forget_changes();
  return check_limits();
}

}  // namespace weir

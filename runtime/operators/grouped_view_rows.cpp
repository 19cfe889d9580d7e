// The rows of a grouped view: final ones, and those of emit = 'changes'.
#include <algorithm>

#include "runtime/operators/grouped_view.hpp"
#include "runtime/operators/value_codec.hpp"
#include "runtime/time/timestamp.hpp"

namespace weir {

std::string grouped_view::source_of(std::string_view key) const {
  // Without a source of its own a group is known by its key, so that ties break the same way everywhere.
  return plan_.keyed_by_source ? source_of_key(plan_, key) : std::string(key);
}

std::int64_t grouped_view::event_time(std::uint32_t slot) const {
  const auto& g = store_.at(slot);
  return running_ ? g.newest : std::max(g.start, store_.window_end(slot) - us_per_ms);
}

std::uint8_t grouped_view::late_flags(std::int64_t event_time_us) const {
  const bool late = running_ ? event_time_us < stream_.watermark_us : event_time_us + us_per_ms <= stream_.watermark_us;
  return late ? late_for_stream : 0;
}

void grouped_view::report(const projected_groups::failure& failure, std::uint32_t slot, operator_output& out) const {
  refused_row row;
  row.reason = failure.reason;
  row.original = failure.original;
  row.source = source_of(store_.at(slot).key);
  row.event_time_us = event_time(slot);
  out.dead.push_back(std::move(row));
}

void grouped_view::emit_final(const std::vector<std::uint32_t>& slots, operator_output& out) {
  std::vector<std::uint32_t> filled;
  for (const auto slot : slots)
    if (plan_.input_kind == view_kind::append || store_.at(slot).rows > 0) filled.push_back(slot);
  if (filled.empty()) return;
  const auto projected = project_groups(plan_, store_, filled);
  for (const auto& f : projected.failures) report(f, filled[f.group], out);
  output_rows rows(plan_);
  for (std::size_t i = 0; i < projected.groups.size(); ++i) {
    const auto slot = filled[projected.groups[i]];
    const std::int64_t t = event_time(slot);
    rows.add(projected.rows, i, source_of(store_.at(slot).key), t, late_flags(t), 1);
  }
  rows.finish(out);
}

void grouped_view::put_standing(const standing_row& standing, std::string_view key, std::int8_t sign,
                                output_rows& out) const {
  batch_builder one(plan_.output_columns);
  byte_reader in(standing.row);
  for (std::size_t c = 0; c < plan_.output_columns->fields.size(); ++c) read_value(in, one.at(c));
  one.row_done();
  const std::int64_t t = standing.event_time_us;
  out.add(one.finish(), 0, source_of(key), t, late_flags(t), sign);
}

void grouped_view::restate(operator_output& out) const {
  std::vector<std::uint32_t> slots;
  for (std::uint32_t slot = 0; slot < book_.size(); ++slot)
    if (book_[slot].standing) slots.push_back(slot);
  order(slots);
  output_rows rows(plan_);
  for (const auto slot : slots) put_standing(*book_[slot].standing, store_.at(slot).key, 1, rows);
  rows.finish(out);
}

void grouped_view::emit_changes(const std::vector<std::uint32_t>& slots, operator_output& out) {
  output_rows rows(plan_);
  for (const auto& [key, standing] : orphans_) {
    put_standing(standing, key, -1, rows);
    standing_bytes_ -= standing.row.size();
  }
  orphans_.clear();
  std::vector<std::uint32_t> filled;
  for (const auto slot : slots)
    if (plan_.input_kind == view_kind::append || store_.at(slot).rows > 0) filled.push_back(slot);
  const auto projected = project_groups(plan_, store_, filled);
  for (const auto& f : projected.failures) report(f, filled[f.group], out);
  std::size_t next_filled = 0, next_row = 0;
  for (const auto slot : slots) {
    std::optional<standing_row> now;
    const bool is_filled = next_filled < filled.size() && filled[next_filled] == slot;
    const bool has_row = is_filled && next_row < projected.groups.size() && projected.groups[next_row] == next_filled;
    if (has_row) {
      now.emplace();
      put_row(now->row, projected.rows, next_row);
      now->event_time_us = event_time(slot);
    }
    auto& standing = book_[slot].standing;
    const bool same = standing ? now && now->row == standing->row : !now;
    if (!same) {
      const auto& key = store_.at(slot).key;
      if (standing) {
        put_standing(*standing, key, -1, rows);
        standing_bytes_ -= standing->row.size();
      }
      if (now) {
        rows.add(projected.rows, next_row, source_of(key), now->event_time_us, late_flags(now->event_time_us), 1);
        standing_bytes_ += now->row.size();
      }
      standing = std::move(now);
    }
    if (has_row) ++next_row;
    if (is_filled) ++next_filled;
  }
  rows.finish(out);
}

}  // namespace weir

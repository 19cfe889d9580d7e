#include "runtime/operators/grouped_view.hpp"

#include <algorithm>
#include <tuple>

#include "runtime/fault/protocol_rules.hpp"
#include "runtime/operators/windows.hpp"
#include "runtime/time/timestamp.hpp"

namespace weir {

grouped_view::grouped_view(const view_plan& plan, const operator_limits& limits, bool by_source)
    : plan_(plan),
      by_source_(by_source),
      running_(plan.window.kind == window_kind::none),
      store_(plan, limits),
      by_age_(older{this}),
      limits_(limits) {
  if (!by_source_) clocks_.emplace_back();
}

bool grouped_view::older::operator()(const std::pair<std::int64_t, std::uint32_t>& a,
                                     const std::pair<std::int64_t, std::uint32_t>& b) const {
  if (a.first != b.first) return a.first < b.first;
  return a.second != b.second && view->store_.at(a.second).key < view->store_.at(b.second).key;
}

status grouped_view::add(const grouping_rows& rows) {
  WEIR_TRY_VOID(store_.add(rows));
  return settle();
}

status grouped_view::settle() {
  WEIR_TRY_VOID(follow_store());
  return check_limits();
}

status grouped_view::merge(std::string_view key, std::string_view bytes) {
  byte_reader in(bytes);
  if (!running_) {
    byte_reader window = in;
    std::int64_t start = 0, last = 0;
    if (!group_store::read_window(plan_.window, window, start, last))
      return fail(errc::corrupt, "view {}: a partial group's window cannot be", plan_.name);
    const std::int64_t end = last + plan_.window.size_us;
    if (rule_on(14) && closed_by(plan_.window, end, clocks_[0].horizon))
      return fail(errc::internal, "view {}: a partial for the window that ends at {} came after the window was closed",
                  plan_.name, format_timestamp(end));
  }
  WEIR_TRY(slot, store_.merge(key, in));
  if (!in.at_end())
    return fail(errc::corrupt, "view {}: bytes follow the partial of {}", plan_.name, store_.describe(slot));
  return {};
}

std::uint32_t grouped_view::clock_of_source(const std::string& source) {
  const auto [known, is_new] = clock_numbers_.try_emplace(source, static_cast<std::uint32_t>(clocks_.size()));
  if (is_new) clocks_.emplace_back();
  return known->second;
}

std::uint32_t grouped_view::clock_of(std::uint32_t slot) {
  return by_source_ ? clock_of_source(source_of_key(plan_, store_.at(slot).key)) : 0;
}

void grouped_view::unqueue(std::uint32_t slot) {
  auto& b = book_[slot];
  if (!b.queued) return;
  b.queued = false;
  auto& open = clocks_[b.clock].open;
  const auto with_this_end = open.find(b.queued_end);
  auto& slots = with_this_end->second;
  slots[b.queued_at] = slots.back();
  book_[slots.back()].queued_at = b.queued_at;
  slots.pop_back();
  if (slots.empty()) open.erase(with_this_end);
}

// Brings the queues up to the windows that rows opened, made longer, or made one.
status grouped_view::follow_store() {
  book_.resize(store_.slot_count());
  for (const auto slot : store_.take_absorbed()) {
    auto& b = book_[slot];
    if (b.standing) orphans_.emplace_back(store_.at(slot).key, std::move(*b.standing));
    b.standing.reset();
    end_group(slot);
  }
  for (const auto slot : store_.take_moved()) {
    if (!store_.at(slot).live || running_) continue;
    auto& b = book_[slot];
    const std::int64_t end = store_.window_end(slot);
    if (b.queued && b.queued_end == end) continue;
    if (b.queued)
      unqueue(slot);
    else
      b.clock = clock_of(slot);
    auto& clock = clocks_[b.clock];
    if (rule_on(14) && closed_by(plan_.window, end, clock.horizon))
      return fail(errc::internal, "a row that is not late opened a closed window: {}, window end {}",
                  store_.describe(slot), format_timestamp(end));
    b.queued = true;
    b.queued_end = end;
    auto& slots = clock.open[end];
    b.queued_at = slots.size();
    slots.push_back(slot);
  }
  return {};
}

// The group has left: its stored entry goes with the next cut.
void grouped_view::end_group(std::uint32_t slot) {
  auto& b = book_[slot];
  unqueue(slot);
  if (b.aged != no_watermark) by_age_.erase({b.aged, slot});
  if (!b.stored_key.empty()) deleted_.push_back(std::move(b.stored_key));
  if (b.standing) standing_bytes_ -= b.standing->row.size();
  b = {};
  store_.release(slot);
}

void grouped_view::move_clock(std::uint32_t number, const clock_state& now) {
  auto& clock = clocks_[number];
  clock.now.watermark_us = std::max(clock.now.watermark_us, now.watermark_us);
  clock.now.flushed_us = std::max(clock.now.flushed_us, now.flushed_us);
  clock.horizon = closing_horizon(plan_.window, clock.now);
}

void grouped_view::collect_due(std::uint32_t number, std::vector<std::uint32_t>& due) const {
  const auto& clock = clocks_[number];
  for (const auto& [end, slots] : clock.open) {
    if (!closed_by(plan_.window, end, clock.horizon)) break;
    due.insert(due.end(), slots.begin(), slots.end());
  }
}

void grouped_view::order(std::vector<std::uint32_t>& slots) const {
  std::sort(slots.begin(), slots.end(), [this](std::uint32_t a, std::uint32_t b) {
    const std::int64_t end_a = running_ ? 0 : store_.window_end(a), end_b = running_ ? 0 : store_.window_end(b);
    return std::tie(end_a, store_.at(a).key) < std::tie(end_b, store_.at(b).key);
  });
}

void grouped_view::told_until(const clock_state& clock) { told_horizon_ = closing_horizon(plan_.window, clock); }

// In the order of their ends, so what has been told before comes first.
void grouped_view::emit_closed(const std::vector<std::uint32_t>& due, operator_output& out) {
  const auto fresh = std::ranges::find_if(
      due, [this](std::uint32_t slot) { return !closed_by(plan_.window, store_.window_end(slot), told_horizon_); });
  if (fresh == due.begin()) return emit_final(due, out);
  emit_final({due.begin(), fresh}, out);
  out.told_rows = out.rows.size();
  out.told_dead = out.dead.size();
  emit_final({fresh, due.end()}, out);
}

status grouped_view::advance(const time_progress& progress, operator_output& out) {
  std::vector<std::uint32_t> due;
  if (by_source_ && !running_) {
    for (const auto& [source, now] : progress.by_source) {
      const auto number = clock_of_source(source);
      const std::int64_t flushed = clocks_[number].now.flushed_us;
      move_clock(number, now);
      collect_due(number, due);
      if (clocks_[number].now.flushed_us == flushed) continue;
      flush_horizons_[source] = flush_horizon(plan_.window, clocks_[number].now.flushed_us);
      changed_flushes_[source] = clocks_[number].now.flushed_us;
    }
  } else if (!by_source_) {
    move_clock(0, progress.stream);
    collect_due(0, due);
  }
  order(due);
  if (is_changes())
    emit_changes(due, out);
  else
    emit_closed(due, out);
  for (const auto slot : due) end_group(slot);
  // Only now: rows are late for the stream when they were behind it before it moved.
  const clock_state before = stream_;
  stream_.watermark_us = std::max(stream_.watermark_us, progress.stream.watermark_us);
  stream_.flushed_us = std::max(stream_.flushed_us, progress.stream.flushed_us);
  if (stream_ != before) stream_changed_ = true;
  return {};
}

status grouped_view::cut(operator_output& out, std::vector<state_change>& changes) {
  std::vector<std::uint32_t> changed;
  for (const auto slot : store_.changed())
    if (store_.at(slot).live) changed.push_back(slot);
  store_.forget_changes();
  order(changed);
  if (is_changes()) emit_changes(changed, out);
  if (plan_.input_kind == view_kind::upsert) {
    std::erase_if(changed, [this](std::uint32_t slot) {
      if (store_.at(slot).rows != 0) return false;
      end_group(slot);
      return true;
    });
  }
  if (running_) evict(changed, out);
  hand_out(changed, changes);
  return {};
}

void grouped_view::age(std::uint32_t slot) {
  auto& b = book_[slot];
  const std::int64_t newest = store_.at(slot).newest;
  if (b.aged == newest) return;
  if (b.aged != no_watermark) by_age_.erase({b.aged, slot});
  b.aged = newest;
  by_age_.emplace(newest, slot);
}

void grouped_view::evict(std::vector<std::uint32_t>& changed, operator_output& out) {
  if (plan_.ttl_us == 0 && plan_.max_rows == 0) return;
  for (const auto slot : changed) age(slot);
  const bool has_time = plan_.ttl_us > 0 && stream_.watermark_us >= timestamp_min_us;
  const std::int64_t oldest = has_time ? stream_.watermark_us - plan_.ttl_us : no_watermark;
  output_rows gone(plan_);
  bool any = false;
  while (!by_age_.empty()) {
    const auto [newest, slot] = *by_age_.begin();
    const bool too_many = plan_.max_rows > 0 && by_age_.size() > static_cast<std::size_t>(plan_.max_rows);
    if (!too_many && newest >= oldest) break;
    if (book_[slot].standing) put_standing(*book_[slot].standing, store_.at(slot).key, -1, gone);
    end_group(slot);
    any = true;
  }
  gone.finish(out);
  if (any) std::erase_if(changed, [this](std::uint32_t slot) { return !store_.at(slot).live; });
}

status grouped_view::check_limits() const {
  if (const std::size_t bytes = memory_bytes(); bytes > limits_.state_bytes)
    return with_hint(fail(errc::limit_exceeded, "view {} holds {} bytes of state, the limit is {} (limits.view_state)",
                          plan_.name, bytes, limits_.state_bytes),
                     "raise limits.view_state, use shorter windows or fewer groups, or give a running view ttl");
  return store_.check_limits();
}

std::size_t grouped_view::memory_bytes() const {
  constexpr std::size_t queue_node = 56;
  return store_.memory_bytes() + book_.capacity() * sizeof(bookkeeping) + standing_bytes_ +
         store_.live_count() * queue_node;
}

}  // namespace weir

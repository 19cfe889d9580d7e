#include "runtime/operators/group_store.hpp"

#include <algorithm>

#include "runtime/batch/key_codec.hpp"
#include "runtime/operators/row_json.hpp"
#include "runtime/operators/windows.hpp"
#include "runtime/time/timestamp.hpp"

namespace weir {

group_store::group_store(const view_plan& plan, const operator_limits& limits)
    : plan_(plan),
      limits_(limits),
      upsert_input_(plan.input_kind == view_kind::upsert),
      running_(plan.window.kind == window_kind::none) {
  for (const auto& call : plan.aggregates)
    aggregates_.push_back(
        make_accumulator_array(call, {limits.distinct_values, [this](std::uint32_t slot) { return describe(slot); }}));
}

std::string group_store::describe(std::uint32_t slot) const {
  record_batch key{nullptr, {}, 1};
  auto fields = std::make_shared<schema>();
  std::string_view rest = groups_[slot].key;
  for (std::size_t i = 0; i < plan_.keys.size(); ++i) {
    column values(plan_.keys[i]->type());
    if (!decode_key(rest, values)) break;
    fields->fields.push_back(plan_.group_columns->fields[i]);
    key.columns.push_back(std::make_shared<const column>(std::move(values)));
  }
  key.columns_schema = std::move(fields);
  return fmt::format("view {}, group {}", plan_.name, row_json(key, 0));
}

std::int64_t group_store::window_end(std::uint32_t slot) const {
  const auto& g = groups_[slot];
  if (plan_.window.kind == window_kind::session) return g.last + plan_.window.size_us;
  return g.start + plan_.window.size_us;
}

void group_store::mark_changed(std::uint32_t slot) {
  if (groups_[slot].changed) return;
  groups_[slot].changed = true;
  changed_.push_back(slot);
}

void group_store::mark_moved(std::uint32_t slot) {
  if (groups_[slot].moved) return;
  groups_[slot].moved = true;
  moved_.push_back(slot);
}

std::uint32_t group_store::new_slot(std::string_view key, std::uint64_t hash) {
  std::uint32_t slot = 0;
  if (!free_slots_.empty()) {
    slot = free_slots_.back();
    free_slots_.pop_back();
  } else {
    slot = static_cast<std::uint32_t>(groups_.size());
    groups_.emplace_back();
    for (auto& a : aggregates_) a->resize(groups_.size());
  }
  auto& g = groups_[slot];
  g.key.assign(key);
  g.hash = hash;
  g.start = g.last = g.rows = 0;
  g.newest = no_watermark;
  g.live = true;
  key_bytes_ += key.size();
  ++live_;
  mark_moved(slot);
  return slot;
}

std::uint32_t group_store::find_or_create(std::string_view key, std::uint64_t key_hash, std::int64_t start) {
  const std::uint64_t hash = table_hash(key_hash, start);
  const auto found = index_.find(
      hash, [&](std::uint32_t slot) { return groups_[slot].start == start && same_key(groups_[slot].key, key); });
  if (found != none) return found;
  const auto slot = new_slot(key, hash);
  groups_[slot].start = groups_[slot].last = start;
  index_.insert(hash, slot);
  return slot;
}

std::uint32_t group_store::find(std::string_view key, std::int64_t start) const {
  const std::uint64_t hash = table_hash(key);
  if (plan_.window.kind != window_kind::session)
    return index_.find(table_hash(hash, start),
                       [&](std::uint32_t slot) { return groups_[slot].start == start && groups_[slot].key == key; });
  const auto list = index_.find(hash, [&](std::uint32_t l) { return session_lists_[l].key == key; });
  if (list == none) return none;
  const auto& open = session_lists_[list].slots;
  const auto at = std::ranges::find(open, start, [&](std::uint32_t slot) { return groups_[slot].start; });
  return at == open.end() ? none : *at;
}

// Groups of an epoch are more than a cache holds: the places of rows that follow are on their way while this one is
// looked up. Most of them fall into the same window.
void group_store::fetch_ahead(std::size_t row, std::size_t rows, std::int64_t start) const {
  constexpr std::size_t to_index = 8, to_group = 4;
  if (row + to_index >= rows) return;
  index_.prefetch(table_hash(keys_.hash(row + to_index), start));
  const auto slot = index_.likely(table_hash(keys_.hash(row + to_group), start));
  if (slot != none) __builtin_prefetch(&groups_[slot]);
}

void group_store::assign_windows(const grouping_rows& rows) {
  const std::int64_t size = plan_.window.size_us;
  std::uint32_t previous = none;
  for (std::size_t i = 0; i < rows.size; ++i) {
    const std::int64_t t = rows.event_time_us[i];
    if (previous != none) fetch_ahead(i, rows.size, groups_[previous].start);
    // Neighbours often share their group, and then their window is known without a division.
    if (previous != none) {
      const auto& g = groups_[previous];
      const bool same_window = running_ || static_cast<std::uint64_t>(t - g.start) < static_cast<std::uint64_t>(size);
      if (same_window && keys_.hash(i) == keys_.hash(i - 1) && same_key(g.key, keys_[i])) {
        slots_[i] = previous;
        continue;
      }
    }
    std::int64_t start = 0;
    if (!running_) {
      const bool as_before = i > 0 && t >= groups_[previous].start && t - groups_[previous].start < size;
      start = as_before ? groups_[previous].start : floor_to(t, size, plan_.window.offset_us);
    }
    previous = find_or_create(keys_[i], keys_.hash(i), start);
    mark_changed(previous);
    slots_[i] = previous;
  }
}

std::uint32_t group_store::session_list_of(std::string_view key, std::uint64_t key_hash) {
  const auto found = index_.find(key_hash, [&](std::uint32_t list) { return session_lists_[list].key == key; });
  if (found != none) return found;
  std::uint32_t list = 0;
  if (!free_lists_.empty()) {
    list = free_lists_.back();
    free_lists_.pop_back();
  } else {
    list = static_cast<std::uint32_t>(session_lists_.size());
    session_lists_.emplace_back();
  }
  session_lists_[list].key.assign(key);
  session_lists_[list].hash = key_hash;
  index_.insert(key_hash, list);
  return list;
}

std::uint32_t group_store::session_slot(std::string_view key, std::uint64_t key_hash, std::int64_t first,
                                        std::int64_t last) {
  const std::int64_t gap = plan_.window.size_us;
  auto& open = session_lists_[session_list_of(key, key_hash)].slots;
  const auto begin =
      std::partition_point(open.begin(), open.end(), [&](std::uint32_t s) { return groups_[s].last < first - gap; });
  auto end = begin;
  while (end != open.end() && groups_[*end].start <= last + gap) ++end;
  if (begin == end) {
    const auto at = begin - open.begin();
    const auto slot = new_slot(key, key_hash);
    groups_[slot].start = first;
    groups_[slot].last = last;
    open.insert(open.begin() + at, slot);
    return slot;
  }
  const auto slot = *begin;
  for (auto other = begin + 1; other != end; ++other) absorb(slot, *other);
  open.erase(begin + 1, end);
  auto& g = groups_[slot];
  if (first < g.start || last > g.last) mark_moved(slot);
  g.start = std::min(g.start, first);
  g.last = std::max(g.last, last);
  return slot;
}

void group_store::absorb(std::uint32_t into, std::uint32_t from) {
  std::string bytes;
  for (auto& a : aggregates_) {
    bytes.clear();
    a->serialize(from, bytes);
    byte_reader in(bytes);
    if (auto merged = a->merge(into, in); !merged) absorbed_well_ = std::move(merged);
  }
  groups_[into].start = std::min(groups_[into].start, groups_[from].start);
  groups_[into].last = std::max(groups_[into].last, groups_[from].last);
  groups_[into].rows += groups_[from].rows;
  groups_[from].live = false;
  --live_;
  mark_moved(into);
  mark_changed(into);
  absorbed_.push_back(from);
  absorbed_by_.resize(groups_.size(), none);
  absorbed_by_[from] = into;
  any_absorbed_ = true;
}

void group_store::assign_sessions(const grouping_rows& rows) {
  std::uint32_t previous = none;
  for (std::size_t i = 0; i < rows.size; ++i) {
    const std::int64_t t = rows.event_time_us[i];
    const bool inside = previous != none && t >= groups_[previous].start && t <= groups_[previous].last &&
                        keys_.hash(i) == keys_.hash(i - 1) && groups_[previous].key == keys_[i];
    if (!inside) previous = session_slot(keys_[i], keys_.hash(i), t, t);
    mark_changed(previous);
    slots_[i] = previous;
  }
  if (!any_absorbed_) return;
  for (auto& slot : slots_)
    while (slot < absorbed_by_.size() && absorbed_by_[slot] != none) slot = absorbed_by_[slot];
  absorbed_by_.clear();
  any_absorbed_ = false;
}

void group_store::count_rows(const grouping_rows& rows) {
  if (running_)
    for (std::size_t i = 0; i < rows.size; ++i)
      groups_[slots_[i]].newest = std::max(groups_[slots_[i]].newest, rows.event_time_us[i]);
  if (upsert_input_)
    for (std::size_t i = 0; i < rows.size; ++i) groups_[slots_[i]].rows += rows.sign.empty() ? 1 : rows.sign[i];
}

status group_store::accumulate(const grouping_rows& rows) {
  std::vector<std::uint32_t> slots, source;
  std::vector<std::int64_t> event_time;
  std::vector<std::uint64_t> sequence;
  std::vector<std::int8_t> sign;
  for (std::size_t k = 0; k < aggregates_.size(); ++k) {
    const auto& taken = rows.aggregates[k];
    if (!taken.filtered) {
      WEIR_TRY_VOID(aggregates_[k]->add(
          {slots_, taken.values.get(), rows.sign, rows.event_time_us, rows.source, rows.sequence, rows.sources}));
      continue;
    }
    slots.clear(), source.clear(), event_time.clear(), sequence.clear(), sign.clear();
    for (const auto r : taken.rows) {
      slots.push_back(slots_[r]);
      source.push_back(rows.source[r]);
      event_time.push_back(rows.event_time_us[r]);
      sequence.push_back(rows.sequence[r]);
      if (!rows.sign.empty()) sign.push_back(rows.sign[r]);
    }
    WEIR_TRY_VOID(aggregates_[k]->add({slots, taken.values.get(), sign, event_time, source, sequence, rows.sources}));
  }
  return {};
}

status group_store::add(const grouping_rows& rows) {
  keys_.encode(rows.keys, rows.size);
  slots_.resize(rows.size);
  if (plan_.window.kind == window_kind::session)
    assign_sessions(rows);
  else
    assign_windows(rows);
  WEIR_TRY_VOID(absorbed_well_);
  count_rows(rows);
  WEIR_TRY_VOID(accumulate(rows));
  return check_limits();
}

void group_store::serialize(std::uint32_t slot, std::string& out) const {
  const auto& g = groups_[slot];
  if (!running_) put_i64(out, g.start);
  if (plan_.window.kind == window_kind::session) put_i64(out, g.last);
  if (running_) put_i64(out, g.newest);
  if (upsert_input_) put_zigzag(out, g.rows);
  for (const auto& a : aggregates_) a->serialize(slot, out);
}

bool group_store::read_window(const window_spec& window, byte_reader& in, std::int64_t& start, std::int64_t& last) {
  start = last = 0;
  if (window.kind == window_kind::none) return true;
  start = last = in.i64();
  if (window.kind == window_kind::session) last = in.i64();
  // Records lie in the years 1 to 9999; a window's start may lie one length before.
  const bool possible = start >= timestamp_min_us - window.size_us && last <= timestamp_max_us && start <= last;
  if (!possible || (window.kind == window_kind::tumble && floor_to(start, window.size_us, window.offset_us) != start))
    in.reject();
  return in.ok();
}

result<std::uint32_t> group_store::merge(std::string_view key, byte_reader& in) {
  std::string_view rest = key;
  for (const auto& k : plan_.keys) WEIR_TRY_VOID(skip_key(rest, k->type()));
  std::int64_t start = 0, last = 0;
  if (!rest.empty() || !read_window(plan_.window, in, start, last))
    return fail(errc::corrupt, "view {}: a stored group has a key or a window that cannot be", plan_.name);
  const std::uint64_t hash = table_hash(key);
  const bool session = plan_.window.kind == window_kind::session;
  const auto slot = session ? session_slot(key, hash, start, last) : find_or_create(key, hash, start);
  absorbed_by_.clear();
  any_absorbed_ = false;
  WEIR_TRY_VOID(absorbed_well_);
  mark_changed(slot);
  auto& g = groups_[slot];
  if (running_) {
    const std::int64_t newest = in.i64();
    if (newest < timestamp_min_us || newest > timestamp_max_us) in.reject();
    g.newest = std::max(g.newest, newest);
  }
  if (upsert_input_ && __builtin_add_overflow(g.rows, in.zigzag(), &g.rows)) in.reject();
  for (auto& a : aggregates_) WEIR_TRY_VOID(a->merge(slot, in));
  if (!in.ok()) return fail(errc::corrupt, "view {}: a stored group's aggregates cannot be read", plan_.name);
  return slot;
}

void group_store::forget_changes() {
  for (const auto slot : changed_) groups_[slot].changed = false;
  changed_.clear();
}

std::vector<std::uint32_t> group_store::take_moved() {
  std::vector<std::uint32_t> out;
  out.swap(moved_);
  for (const auto slot : out) groups_[slot].moved = false;
  return out;
}

std::vector<std::uint32_t> group_store::take_absorbed() {
  std::vector<std::uint32_t> out;
  out.swap(absorbed_);
  return out;
}

void group_store::drop_from_session_list(std::uint32_t slot) {
  const auto& g = groups_[slot];
  const auto list = index_.find(g.hash, [&](std::uint32_t l) { return session_lists_[l].key == g.key; });
  auto& open = session_lists_[list].slots;
  open.erase(std::find(open.begin(), open.end(), slot));
  if (!open.empty()) return;
  index_.erase(g.hash, list);
  session_lists_[list].key.clear();
  free_lists_.push_back(list);
}

void group_store::release(std::uint32_t slot) {
  auto& g = groups_[slot];
  if (g.live) {
    if (plan_.window.kind == window_kind::session)
      drop_from_session_list(slot);
    else
      index_.erase(g.hash, slot);
    --live_;
  }
  g.live = false;
  key_bytes_ -= g.key.size();
  for (auto& a : aggregates_) a->clear(slot);
  free_slots_.push_back(slot);
}

void group_store::clear() {
  for (std::uint32_t slot = 0; slot < groups_.size(); ++slot)
    if (groups_[slot].live) release(slot);
  forget_changes();
  take_moved();
}

std::size_t group_store::memory_bytes() const {
  // Keys of sessions stand twice.
  const std::size_t keys = key_bytes_ * (plan_.window.kind == window_kind::session ? 2 : 1);
  std::size_t bytes = groups_.capacity() * sizeof(group) + keys + index_.memory_bytes() +
                      session_lists_.capacity() * sizeof(session_list) + live_ * sizeof(std::uint32_t);
  for (const auto& a : aggregates_) bytes += a->memory_bytes();
  return bytes;
}

status group_store::check_limits() const {
  if (live_ > limits_.groups)
    return with_hint(fail(errc::limit_exceeded, "view {} holds more than {} groups (limits.view_groups)", plan_.name,
                          limits_.groups),
                     "raise limits.view_groups, group by fewer values, or give a running view ttl or max_rows");
  if (const std::size_t bytes = memory_bytes(); bytes > limits_.state_bytes)
    return with_hint(fail(errc::limit_exceeded, "view {} holds {} bytes of state, the limit is {} (limits.view_state)",
                          plan_.name, bytes, limits_.state_bytes),
                     "raise limits.view_state, use shorter windows or fewer groups, or give a running view ttl");
  return {};
}

}  // namespace weir

// A task that replaces another's pipeline goes through the history in silence: what its predecessor told is not told
// again (PROTOCOL 10). Its first commit takes the place of the predecessor's state.
//
// A row of an append view is left out when it comes of input before the predecessor's position; a window behind a
// shuffle, when the predecessor's clock had closed it. A view that keeps a table says nothing until its task is
// *abreast*: every shard has passed what its predecessor had consumed. Then it states its table as a whole.
#include <algorithm>
#include <unordered_set>

#include "actors/shard/task_node.hpp"
#include "cluster/topic_names.hpp"
#include "runtime/fault/protocol_rules.hpp"
#include "runtime/operators/byte_codec.hpp"
#include "runtime/operators/windows.hpp"
#include "runtime/time/timestamp.hpp"
#include "state/state_key.hpp"

namespace weir {

namespace {

constexpr std::size_t table_page_rows = 10'000;

void raise(input_positions& positions, const input_positions& by) {
  for (const auto& [topic, position] : by) {
    auto& known = positions[topic];
    known = std::max(known, position);
  }
}

clock_state later(const clock_state& a, const clock_state& b) {
  return {std::max(a.watermark_us, b.watermark_us), std::max(a.flushed_us, b.flushed_us)};
}

input_positions positions_of(std::string_view app, const task_record& r) {
  input_positions out;
  for (const auto& i : r.inputs) {
    if (i.kind == input_kind::stream) out[topic::stream(app, i.name)] = i.position;
    if (i.kind == input_kind::view) out[topic::view(app, i.name)] = i.position;
  }
  return out;
}

}  // namespace

bool task::replaces() const { return record_.incarnation > record_.first_incarnation; }

// The state that an earlier incarnation left, if any: there is at most one, since the first commit of each takes its
// predecessor's away.
status task::inherit(state_store& store) {
  for (auto incarnation = record_.incarnation - 1; replaces() && incarnation >= record_.first_incarnation;
       --incarnation) {
    WEIR_TRY(bytes, remove_state(store, options_.shard, state_prefix(record_.name, incarnation), open_.changes));
    if (bytes.empty()) continue;
    WEIR_TRY(was, decode_task_record(bytes));
    return succeed(was, store);
  }
  return {};
}

status task::succeed(const task_record& was, state_store& store) {
  // Counted attempts are the predecessor's: what it failed on need not fail its successor.
  append({topic::attempts(options_.app), options_.shard, record_.name, std::nullopt, {}, 0});
  const auto positions = positions_of(options_.app, was);
  catch_up_ = was.catch_up;
  raise(catch_up_, positions);
  for (const auto& v : was.views) {
    const auto it = std::ranges::find_if(nodes_, [&](const auto& n) { return n->plan.name == v.name; });
    if (it == nodes_.end()) {
      WEIR_TRY_VOID(store.wipe_view(options_.shard, v.name));
      continue;
    }
    auto& n = **it;
    n.written_out_clock = v.written_out;
    if (!rule_on(10)) continue;
    told_mark mark{positions, v.shard_clocks.empty() ? v.out : least(v.shard_clocks)};
    if (v.told) {
      raise(mark.positions, v.told->positions);
      mark.clock = later(mark.clock, v.told->clock);
    }
    if (n.merging) n.merging->told_until(mark.clock);
    n.told = std::move(mark);
  }
  return {};
}

std::uint64_t task::catch_up(const task_input& input) const {
  const auto it = catch_up_.find(input.topic);
  return it == catch_up_.end() ? 0 : it->second;
}

// Where rows from `position` on must be cut, so that all of them have been told or none.
std::uint64_t task::next_told_end(const task_input& input) const {
  std::uint64_t next = ~std::uint64_t{0};
  if (input.position >= catch_up(input)) return next;
  for (const auto& n : nodes_) {
    if (!n->told) continue;
    const auto it = n->told->positions.find(input.topic);
    if (it != n->told->positions.end() && it->second > input.position) next = std::min(next, it->second);
  }
  return next;
}

bool task::is_told(const node& n) const {
  if (!n.told) return false;
  if (n.plan.kind == view_kind::upsert || told_rows_) return true;
  if (now_ == nullptr) return false;
  const auto it = n.told->positions.find(now_->topic);
  return it != n.told->positions.end() && now_end_ <= it->second;
}

bool task::input_abreast(const node& n) const {
  if (n.input != nullptr) return abreast(*n.input);
  const auto* input = find_input(n.plan.input_is_stream ? input_kind::stream : input_kind::view, n.plan.input);
  return input->position >= catch_up(*input);
}

bool task::abreast(const node& n) const {
  return n.partial ? std::ranges::all_of(n.abreast, std::identity{}) : input_abreast(n);
}

// Behind what the task has sent of it.
void task::tell_abreast(node& n) {
  if (!replaces() || !n.partial || n.abreast_sent || !input_abreast(n)) return;
  for (int p = 0; p < options_.shards; ++p) {
    owned_append a{n.shuffle_topic, p, {}, std::string(), {}, 0};
    a.header = std::string(1, entry_abreast);
    put_varint(a.header, static_cast<std::uint64_t>(options_.shard));
    append(std::move(a));
  }
  n.abreast_sent = true;
}

status task::end_silence() {
  bool silent = false;
  for (auto& n : nodes_) {
    if (n->told && abreast(*n)) {
      n->told.reset();
      if (n->plan.kind == view_kind::upsert) WEIR_TRY_VOID(state_table(*n));
    }
    silent = silent || n->told || (n->partial && !n->abreast_sent);
  }
  if (!silent) catch_up_.clear();
  return {};
}

// Everything that stands, and tombstones for what the predecessor left that does not.
status task::state_table(node& n) {
  WEIR_TRY(standing, standing_rows(n));
  std::unordered_set<std::string_view> keys(standing.keys.begin(), standing.keys.end());
  const auto& window = n.plan.window;
  const bool windowed = n.plan.grouped && window.kind != window_kind::none;
  const auto horizon = windowed && n.merging ? closing_horizon(window, least(n.shard_clocks)) : no_watermark;
  newest_scan scan;
  scan.limit = table_page_rows;
  // Rows of closed windows stay as they were told. What has closed on a source of its own cannot be seen here.
  for (bool more = !windowed || n.merging; more;) {
    WEIR_TRY(rows, store_->newest(options_.shard, n.plan.name, scan));
    for (const auto& row : rows) {
      if (keys.contains(row.key)) continue;
      if (windowed && closed_by(window, row.time_us + us_per_ms, horizon)) continue;
      owned_append a{n.topic, options_.shard, key_row + row.key, std::nullopt, {}, row.time_us};
      a.header = encode_row_header({entry_row, {}, 0, 0});
      append(std::move(a));
      if (!n.output) continue;
      WEIR_TRY(gone, n.output->tombstone(row.json));
      append(std::move(gone));
    }
    more = rows.size() == scan.limit;
    if (more) scan.below = rows.back().order;
  }
  urgent_ = true;
  write_rows(n, standing, 0);
  return {};
}

// The rows that a view's table must hold now.
result<operator_output> task::standing_rows(const node& n) {
  operator_output out;
  if (n.plan.grouped) {
    n.op->restate(out);
    return out;
  }
  stamped_batch rows;
  if (n.input != nullptr) {
    WEIR_TRY(of_input, standing_rows(*n.input));
    rows = std::move(of_input.rows);
  } else {
    WEIR_TRY(seen, seen_rows(n.plan.input));
    rows = std::move(seen);
  }
  if (rows.size() > 0) WEIR_TRY_VOID(n.op->process(bind_input(n.plan, std::move(rows), {}), out));
  return out;
}

// Another pipeline's upsert view as this task has it.
result<stamped_batch> task::seen_rows(std::string_view view) {
  auto& reader = *views_.find(view)->second;
  raw_records texts;
  for (const auto& [key, json] : reader.rows) texts.append(json);
  stamped_batch rows;
  if (texts.size() == 0) return rows;
  WEIR_TRY(decoded, decode_rows(reader, texts));
  rows.rows = std::move(decoded);
  rows.event_time_us.assign(rows.size(), 0);
  rows.source.assign(rows.size(), 0);
  rows.sequence.assign(rows.size(), 0);
  rows.late.assign(rows.size(), 0);
  rows.sources = std::make_shared<const std::vector<std::string>>(1);
  return rows;
}

}  // namespace weir

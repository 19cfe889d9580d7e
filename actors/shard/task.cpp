#include "actors/shard/task.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "actors/shard/task_node.hpp"
#include "cluster/topic_names.hpp"
#include "runtime/fault/fault_points.hpp"
#include "runtime/operators/byte_codec.hpp"
#include "state/state_key.hpp"

namespace weir {

task::task(task_options options, const planned_pipeline& pipeline, const catalog& names)
    : options_(std::move(options)),
      record_(pipeline.record),
      prefix_(state_prefix(pipeline.record.name, pipeline.record.incarnation)) {
  build(pipeline, names);
}

task::~task() = default;

void task::build(const planned_pipeline& pipeline, const catalog& names) {
  const auto& app = options_.app;
  std::map<std::string, node*, std::less<>> own;
  for (const auto& plan : pipeline.views) {
    auto n = std::make_unique<node>();
    n->plan = plan;
    n->topic = topic::view(app, plan.name);
    n->late_topic = topic::late(app, plan.name);
    n->refused_topic = topic::refused(app, plan.name);
    n->output = topic_output::make(n->plan, options_.shard).value();  // the plan was bound with this format
    if (needs_shuffle(plan)) {
      n->partial = make_partial_operator(plan, options_.shards, options_.operators);
      auto merging = make_merging_operator(plan, options_.operators);
      n->merging = merging.get();
      n->op = std::move(merging);
      n->shard_clocks.resize(static_cast<std::size_t>(options_.shards));
      if (replaces()) n->abreast.resize(static_cast<std::size_t>(options_.shards));
      n->shuffle_topic = topic::shuffle(app, record_.name, plan.name, record_.incarnation);
      inputs_.push_back({input_kind::shuffle, plan.name, n->shuffle_topic});
    } else {
      n->op = make_view_operator(plan, options_.operators);
    }
    own[plan.name] = n.get();
    nodes_.push_back(std::move(n));
  }
  for (auto& n : nodes_) {
    const auto& input = n->plan.input;
    if (auto it = own.find(input); it != own.end() && !n->plan.input_is_stream) {
      it->second->readers.push_back(n.get());
      n->input = it->second;
    } else if (n->plan.input_is_stream) {
      auto& reader = streams_[input];
      if (!reader) {
        reader = std::make_unique<stream_reader>();
        inputs_.push_back({input_kind::stream, input, topic::stream(app, input)});
      }
      reader->nodes.push_back(n.get());
    } else {
      auto& reader = views_[input];
      if (!reader) {
        reader = std::make_unique<view_reader>();
        reader->plan = names.views.find(input)->second;
        inputs_.push_back({input_kind::view, input, topic::view(app, input)});
      }
      reader->nodes.push_back(n.get());
    }
  }
  for (auto& [name, reader] : streams_) build_stream_reader(names.streams.find(name)->second);
}

void task::build_stream_reader(const stream_definition& stream) {
  auto& reader = *streams_.find(stream.name)->second;
  reader.definition = stream;
  std::set<std::size_t> needed;
  for (const auto* n : reader.nodes)
    for (const auto& f : n->plan.input_fields)
      if (f.from == input_field::origin::column) needed.insert(f.column);
  auto columns = std::make_shared<schema>();
  reader.place.assign(stream.columns->fields.size(), 0);
  for (const auto c : needed) {
    reader.place[c] = columns->fields.size();
    columns->fields.push_back(stream.columns->fields[c]);
  }
  reader.columns = std::move(columns);
}

status task::restore(state_store& store, event_log& log) {
  WEIR_TRY(known, load(store));
  if (known) return begin(store);
  store_ = &store;
  dirty_ = true;  // where a new pipeline starts becomes durable with its first epoch
  WEIR_TRY_VOID(inherit(store));
  return start_positions(store, log);
}

result<bool> task::load(state_store& store, const std::function<bool()>& ends) {
  bool known = false;
  WEIR_TRY_VOID(store.load(options_.shard, prefix_, [&](std::string_view key, std::string_view value) -> status {
    if (ends && ends()) return fail(errc::cancelled, "pipeline {} is not read any further", record_.name);
    key.remove_prefix(prefix_.size());
    known = known || (!key.empty() && key.front() == state_of_task);
    return restore_entry(key, value);
  }));
  return known;
}

// All that is replaced goes first: what comes may stand in its place (a session that took another in).
status task::follow(std::vector<state_change> changes) {
  std::ranges::stable_sort(changes, {}, &state_change::key);
  const auto own = [this](const state_change& c) { return std::string_view(c.key).substr(prefix_.size()); };
  for (const auto& c : changes) forget_entry(own(c));
  for (auto c = changes.begin(); c != changes.end(); ++c) {
    const bool last = c + 1 == changes.end() || (c + 1)->key != c->key;
    if (last && c->value) WEIR_TRY_VOID(restore_entry(own(*c), *c->value));
  }
  return {};
}

status task::begin(state_store& store) {
  store_ = &store;
  for (auto& n : nodes_) {
    time_progress progress;
    progress.stream = n->partial ? n->partial_clock : clock_state{};
    if (n->partial) WEIR_TRY_VOID(n->partial->advance(progress));
    if (!n->merging) continue;
    if (n->told) n->merging->told_until(n->told->clock);
    operator_output none;
    WEIR_TRY_VOID(n->op->advance({least(n->shard_clocks), {}}, none));
    if (none.rows.size() > 0)
      return fail(errc::corrupt, "restoring view {} closed windows that its last commit had left open", n->plan.name);
  }
  return {};
}

status task::restore_entry(std::string_view key, std::string_view value) {
  if (key.empty()) return fail(errc::corrupt, "a state entry of pipeline {} has no kind", record_.name);
  if (key.front() == state_of_task) return take_record(value);
  const auto rest = key.substr(1);
  const auto end = rest.find('\0');
  if (end == std::string_view::npos)
    return fail(errc::corrupt, "a state entry of pipeline {} names no view", record_.name);
  const auto view = rest.substr(0, end), own_key = rest.substr(end + 1);
  if (key.front() == state_of_input) {
    if (auto it = views_.find(view); it != views_.end()) it->second->rows.emplace(own_key, value);
    return {};
  }
  for (auto& n : nodes_)
    if (n->plan.name == view) return n->op->restore(own_key, value);
  return fail(errc::corrupt, "pipeline {} has state of view {}, which it does not have", record_.name, view);
}

void task::forget_entry(std::string_view key) {
  const auto end = key.find('\0');
  if (key.empty() || end == std::string_view::npos) return;
  const auto view = key.substr(1, end - 1), own_key = key.substr(end + 1);
  if (key.front() == state_of_input)
    if (auto it = views_.find(view); it != views_.end()) it->second->rows.erase(std::string(own_key));
  if (key.front() == state_of_view)
    for (auto& n : nodes_)
      if (n->plan.name == view) n->op->forget(own_key);
}

status task::start_positions(state_store& store, event_log& log) {
  for (auto& input : inputs_) {
    if (input.kind == input_kind::stream) {
      WEIR_TRY_VOID(start_of_stream(input, store, log));
      continue;
    }
    WEIR_TRY(bounds, log.bounds(input.topic, options_.shard));
    const bool at_end = input.kind == input_kind::view && !record_.from_beginning;
    input.position = static_cast<std::uint64_t>(at_end ? bounds.end : bounds.start);
    if (at_end && catch_up(input) > 0) input.position = catch_up(input);
  }
  return {};
}

// The committed next number is read before the log is looked at: what is committed in between has that number or a
// higher one, so nothing is left out.
status task::start_of_stream(task_input& input, state_store& store, event_log& log) {
  std::uint64_t next = 0;
  const auto wanted = state_prefix(ingest_pipeline, 0) + state_of_stream + input.name;
  WEIR_TRY_VOID(store.load(options_.shard, wanted, [&](std::string_view key, std::string_view value) -> status {
    if (key == wanted) next = byte_reader(value).varint();
    return {};
  }));
  WEIR_TRY(bounds, log.bounds(input.topic, options_.shard));
  input.position = next;
  input.offset_hint = bounds.start;
  if (!record_.from_beginning) {  // a successor leaves nothing out: it goes on where the other stood
    if (catch_up(input) > 0) input.position = catch_up(input);
    return {};
  }
  if (bounds.start == 0) {  // nothing was dropped yet; what was committed last may show only later
    input.position = 0;
    return {};
  }
  WEIR_TRY(reader, log.read(input.topic, options_.shard, bounds.start));
  WEIR_TRY(entries, reader->fetch(1));
  if (entries.empty()) return {};
  WEIR_TRY(numbers, decode_entry_header(entries.front().header));
  input.position = numbers.first;
  return {};
}

task_record task::make_record() const {
  task_record r;
  for (const auto& i : inputs_) r.inputs.push_back({i.kind, i.name, i.position, i.offset_hint});
  for (const auto& n : nodes_)
    r.views.push_back({n->plan.name, n->written_out_clock, n->written_partial_clock, n->out_clock, n->shard_clocks,
                       n->abreast_sent, n->abreast, n->told});
  r.catch_up = catch_up_;
  return r;
}

status task::take_record(std::string_view value) {
  const auto corrupt = [&] { return fail(errc::corrupt, "the positions of pipeline {} cannot be read", record_.name); };
  auto r = decode_task_record(value);
  if (!r || r->inputs.size() != inputs_.size() || r->views.size() != nodes_.size()) return corrupt();
  for (const auto& i : r->inputs) {
    auto* input = find_input(i.kind, i.name);
    if (input == nullptr) return corrupt();
    input->position = i.position;
    input->offset_hint = i.offset_hint;
  }
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    auto& n = *nodes_[i];
    auto& v = r->views[i];
    if (v.name != n.plan.name || v.shard_clocks.size() != n.shard_clocks.size() || v.abreast.size() != n.abreast.size())
      return corrupt();
    n.written_out_clock = v.written_out;
    n.partial_clock = n.written_partial_clock = v.written_partial;
    n.out_clock = v.out;
    n.shard_clocks = std::move(v.shard_clocks);
    n.abreast_sent = v.abreast_sent;
    n.abreast = std::move(v.abreast);
    n.told = std::move(v.told);
  }
  catch_up_ = std::move(r->catch_up);
  return {};
}

const task_input* task::find_input(input_kind kind, std::string_view name) const {
  for (const auto& i : inputs_)
    if (i.kind == kind && i.name == name) return &i;
  return nullptr;
}

task_input* task::find_input(input_kind kind, std::string_view name) {
  return const_cast<task_input*>(std::as_const(*this).find_input(kind, name));
}

result<epoch> task::cut() {
  now_ = nullptr;
  for (auto& n : nodes_) WEIR_TRY_VOID(cut_node(*n));
  if (!catch_up_.empty()) WEIR_TRY_VOID(end_silence());
  open_.changes.push_back({prefix_ + state_of_task, encode_task_record(make_record())});
  for (const auto& c : open_.changes) open_.bytes += c.key.size() + (c.value ? c.value->size() : 0);
  open_.pipeline = record_.name;
  epoch done = std::move(open_);
  open_ = {};
  dirty_ = false;
  urgent_ = false;
  kill_point("task.after_cut");
  return done;
}

status task::cut_node(node& n) {
  if (n.partial) {
    std::vector<shuffle_entry> entries;
    WEIR_TRY_VOID(n.partial->cut(entries));
    for (auto& e : entries) {
      owned_append a{n.shuffle_topic, e.partition, {}, std::move(e.value), {}, 0};
      a.header = std::string(1, entry_partial);
      put_varint(a.header, static_cast<std::uint64_t>(options_.shard));
      append(std::move(a));
    }
  }
  operator_output out;
  std::vector<state_change> changes;
  WEIR_TRY_VOID(n.op->cut(out, changes));
  WEIR_TRY_VOID(emit(n, out));
  const auto prefix = prefix_ + state_of_view + n.plan.name + '\0';
  for (auto& c : changes) open_.changes.push_back({prefix + c.key, std::move(c.value)});
  write_clocks(n);
  tell_abreast(n);
  return {};
}

// Behind the epoch's rows, and only what advanced (PROTOCOL 13): a successor's clock is behind what was told at first.
void task::write_clocks(node& n) {
  if (n.partial && n.partial_clock != n.written_partial_clock) {
    for (int p = 0; p < options_.shards; ++p) {
      owned_append a{n.shuffle_topic, p, {}, std::string(), {}, 0};
      put_clock(*a.value, n.partial_clock);
      a.header = std::string(1, entry_clock);
      put_varint(a.header, static_cast<std::uint64_t>(options_.shard));
      append(std::move(a));
    }
    n.written_partial_clock = n.partial_clock;
  }
  const clock_state told{std::max(n.out_clock.watermark_us, n.written_out_clock.watermark_us),
                         std::max(n.out_clock.flushed_us, n.written_out_clock.flushed_us)};
  if (told == n.written_out_clock) return;
  owned_append a{n.topic, options_.shard, std::string(1, key_clock), std::string(), {}, 0};
  put_clock(*a.value, told);
  a.header = encode_row_header({entry_clock, {}, 0, 0});
  append(std::move(a));
  n.written_out_clock = told;
}

void task::append(owned_append a) {
  open_.bytes += a.bytes();
  open_.appends.push_back(std::move(a));
}

result<std::size_t> task::skip_poison(task_input& input, event_log& log, std::string_view reason, std::int64_t now_us) {
  WEIR_TRY(in, open_input(input, log));
  if (in == nullptr) return 0;
  WEIR_TRY(any, fetch_more(input, *in, options_.fetch_bytes));
  if (!any) return 0;
  WEIR_TRY(entry, decode_entry(in->pending.front().value.value_or("")));
  const auto index = input.position - entry.first_number;
  const bool is_record = index < entry.records.size();
  owned_append a{topic::dead(options_.app, input.name), options_.shard, {}, std::string(), {}, now_us};
  if (is_record) a.value = std::string(entry.records[index]);
  a.header = nlohmann::json{{"reason", reason},
                            {"source", entry.source},
                            {"sequence", is_record ? entry.sequence[index] : 0},
                            {"pipeline", record_.name}}
                 .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  append(std::move(a));
  ++input.position;
  dirty_ = true;
  if (input.position < entry.next_number()) return 1;
  now_ = &input;
  now_end_ = input.position;
  WEIR_TRY_VOID(advance_nodes(streams_.find(input.name)->second->nodes, progress_of(entry)));
  return 1;
}

std::size_t task::state_bytes() const {
  std::size_t bytes = 0;
  for (const auto& n : nodes_) bytes += n->op->memory_bytes() + (n->partial ? n->partial->memory_bytes() : 0);
  return bytes;
}

std::map<std::string, clock_state> task::view_clocks() const {
  std::map<std::string, clock_state> out;
  for (const auto& n : nodes_) out[n->plan.name] = n->out_clock;
  return out;
}

}  // namespace weir

// How rows and time go through a task's views.
#include <nlohmann/json.hpp>

#include "actors/shard/task_node.hpp"
#include "runtime/fault/fault_points.hpp"
#include "runtime/fault/protocol_rules.hpp"
#include "runtime/format/json_writer.hpp"
#include "runtime/operators/byte_codec.hpp"
#include "state/state_key.hpp"

namespace weir {

namespace {

void run_record_hook(const std::string& pipeline, const stamped_batch& rows) {
  const auto& hook = current_record_hook();
  if (!hook || !rows.raw) return;
  for (const auto i : rows.original) hook(pipeline, (*rows.raw)[i]);
}

stamped_batch slice(const stamped_batch& rows, std::size_t first, std::size_t count) {
  std::vector<std::uint32_t> which(count);
  for (std::size_t i = 0; i < count; ++i) which[i] = static_cast<std::uint32_t>(first + i);
  stamped_batch out;
  out.rows = rows.rows.gather(which);
  const auto cut = [&](const auto& v) {
    if (v.empty()) return v;
    return std::decay_t<decltype(v)>(v.begin() + static_cast<std::ptrdiff_t>(first),
                                     v.begin() + static_cast<std::ptrdiff_t>(first + count));
  };
  out.event_time_us = cut(rows.event_time_us);
  out.source = cut(rows.source);
  out.sequence = cut(rows.sequence);
  out.late = cut(rows.late);
  out.sign = cut(rows.sign);
  out.original = cut(rows.original);
  out.sources = rows.sources;
  out.raw = rows.raw;
  return out;
}

}  // namespace

status task::process(const ingested_batch& batch) {
  kill_point("task.before_process");
  auto* input = find_input(input_kind::stream, batch.stream);
  if (input == nullptr) return {};
  if (rule_on(2) && batch.first_number != input->position)
    return fail(errc::internal, "pipeline {} got record {} of stream {} from memory and stands at {}", record_.name,
                batch.first_number, batch.stream, input->position);
  const auto& nodes = streams_.find(batch.stream)->second->nodes;
  now_ = input;
  now_end_ = batch.next_number;
  if (batch.rows.size() > 0) WEIR_TRY_VOID(process_rows(nodes, batch.rows, {}));
  WEIR_TRY_VOID(advance_nodes(nodes, batch.progress));
  records_ += batch.rows.size();
  input->position = batch.next_number;
  dirty_ = true;
  if (batch.epoch > open_.needs_ingest) open_.needs_ingest = batch.epoch;
  kill_point("task.after_process");
  return {};
}

status task::process_rows(const std::vector<node*>& nodes, stamped_batch rows, const std::vector<std::size_t>& place) {
  run_record_hook(record_.name, rows);
  urgent_ = true;
  for (auto* n : nodes)
    if (n != nodes.back()) WEIR_TRY_VOID(process_node(*n, bind_input(n->plan, rows, place)));
  return nodes.empty() ? status{} : process_node(*nodes.back(), bind_input(nodes.back()->plan, std::move(rows), place));
}

status task::process_node(node& n, const stamped_batch& input) {
  operator_output out;
  WEIR_TRY_VOID(n.partial ? n.partial->process(input, out) : n.op->process(input, out));
  return emit(n, out);
}

status task::advance_nodes(const std::vector<node*>& nodes, const time_progress& progress) {
  for (auto* n : nodes) WEIR_TRY_VOID(advance_node(*n, progress));
  return {};
}

status task::advance_node(node& n, const time_progress& progress) {
  if (!n.partial) return advance_operator(n, progress);
  n.partial_clock = progress.stream;
  return n.partial->advance(progress);
}

// Rows that the operator gives for this progress go on before the progress does.
status task::advance_operator(node& n, const time_progress& progress) {
  operator_output out;
  WEIR_TRY_VOID(n.op->advance(progress, out));
  WEIR_TRY_VOID(emit(n, out));
  time_progress passed;
  passed.stream = output_clock(n.plan, progress.stream);
  for (const auto& [source, clock] : progress.by_source) passed.by_source[source] = output_clock(n.plan, clock);
  n.out_clock = passed.stream;
  return advance_nodes(n.readers, passed);
}

status task::emit(node& n, operator_output& out) {
  const bool told = is_told(n);
  const auto rows = out.rows.size(), told_rows = told ? rows : out.told_rows;
  write_refused(n.late_topic, out.late, told ? out.late.size() : 0);
  write_refused(n.refused_topic, out.dead, told ? out.dead.size() : out.told_dead);
  if (rows == 0) return {};
  urgent_ = urgent_ || told_rows < rows;
  write_rows(n, out, told_rows);
  if (n.readers.empty()) return {};
  if (told_rows == 0 || told_rows == rows) return pass_on(n, std::move(out.rows), told_rows > 0);
  WEIR_TRY_VOID(pass_on(n, slice(out.rows, 0, told_rows), true));
  return pass_on(n, slice(out.rows, told_rows, rows - told_rows), false);
}

status task::pass_on(node& n, stamped_batch rows, bool told) {
  const bool before = std::exchange(told_rows_, told);
  for (auto* reader : n.readers) WEIR_TRY_VOID(process_node(*reader, bind_input(reader->plan, rows, {})));
  told_rows_ = before;
  return {};
}

void task::write_rows(node& n, const operator_output& out, std::size_t first) {
  const auto& rows = out.rows;
  const auto keys = n.output ? n.output->keys_of(rows.rows) : record_batch{};
  for (std::size_t i = first; i < rows.size(); ++i) {
    const bool taken_back = rows.sign_of(i) < 0;
    // Its successor follows at once: one entry replaces the other.
    if (taken_back && i + 1 < rows.size() && rows.sign_of(i + 1) > 0 && out.keys[i] == out.keys[i + 1]) continue;
    owned_append a{n.topic, options_.shard, {}, std::nullopt, {}, rows.event_time_us[i]};
    if (!out.keys.empty()) a.key = key_row + out.keys[i];
    a.fresh = n.plan.kind == view_kind::append;
    if (!taken_back) append_json_row(a.value.emplace(), rows.rows, i);
    const std::string_view source =
        rows.sources ? std::string_view((*rows.sources)[rows.source[i]]) : std::string_view{};
    a.header = encode_row_header({entry_row, source, rows.sequence[i], rows.late[i]});
    append(std::move(a));
    if (n.output) append(taken_back ? n.output->tombstone(keys, i) : n.output->row(rows.rows, keys, i));
  }
}

void task::write_refused(const std::string& topic, const std::vector<refused_row>& rows, std::size_t first) {
  for (std::size_t i = first; i < rows.size(); ++i) {
    const auto& r = rows[i];
    owned_append a{topic, options_.shard, {}, r.original, {}, r.event_time_us};
    a.header =
        nlohmann::json{
            {"reason", r.reason}, {"source", r.source}, {"sequence", r.sequence}, {"event_time_us", r.event_time_us}}
            .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    append(std::move(a));
  }
}

// None while the log does not answer.
result<task::log_input*> task::open_input(task_input& input, event_log& log) {
  auto& in = logs_[input.topic];
  const auto from = input.kind == input_kind::stream ? input.offset_hint : static_cast<std::int64_t>(input.position);
  // A hint that lies further on than the reader spares reading what was taken from memory.
  if (in && (input.kind != input_kind::stream || from <= in->reader->position())) return in.get();
  auto fresh = std::make_unique<log_input>();
  const auto bounds = log.bounds(input.topic, options_.shard);
  if (!bounds && bounds.error().code == errc::unavailable) return nullptr;
  if (!bounds) return fail(bounds.error());
  if (from < bounds->start && input.kind != input_kind::view)
    return fail(errc::offset_out_of_range,
                "pipeline {} stands at offset {} of {}[{}], which begins at {}: retention has passed it", record_.name,
                from, input.topic, options_.shard, bounds->start);
  auto reader = log.read(input.topic, options_.shard, from);
  if (!reader && reader.error().code == errc::unavailable) return nullptr;
  if (!reader) return fail(std::move(reader).error());
  fresh->reader = std::move(*reader);
  in = std::move(fresh);
  return in.get();
}

result<bool> task::fetch_more(task_input& input, log_input& in, std::size_t max_bytes) {
  for (;;) {
    while (!in.pending.empty() && input.kind == input_kind::stream) {
      WEIR_TRY(numbers, decode_entry_header(in.pending.front().header));
      if (numbers.next > input.position) break;
      in.pending.pop_front();
    }
    if (!in.pending.empty()) return true;
    auto entries = in.reader->fetch(max_bytes);
    if (!entries && entries.error().code == errc::unavailable) return false;  // the log's trouble, not this position's
    if (!entries) return fail(std::move(entries).error());
    if (entries->empty()) return false;
    for (auto& e : *entries) in.pending.push_back(std::move(e));
  }
}

result<std::size_t> task::read_on(task_input& input, event_log& log, std::size_t max_bytes, std::uint64_t max_records) {
  kill_point("task.before_process");
  WEIR_TRY(in, open_input(input, log));
  if (in == nullptr) return 0;
  std::size_t bytes = 0;
  auto records_left = max_records;
  while (bytes < max_bytes && records_left > 0) {
    WEIR_TRY(any, fetch_more(input, *in, options_.fetch_bytes));
    if (!any) break;
    auto& stored = in->pending.front();
    bytes += (stored.value ? stored.value->size() : 0) + stored.header.size() + 1;
    dirty_ = true;
    if (input.kind == input_kind::stream) {
      WEIR_TRY(whole, process_stream_entry(input, stored, records_left));
      if (!whole) break;
      input.offset_hint = stored.offset;
    } else {
      if (input.kind == input_kind::view) {
        WEIR_TRY_VOID(process_view_entry(input, stored));
      } else {
        for (auto& n : nodes_)
          if (n->shuffle_topic == input.topic) WEIR_TRY_VOID(process_shuffle_entry(*n, stored));
      }
      input.position = static_cast<std::uint64_t>(stored.offset) + 1;
      --records_left;
    }
    in->pending.pop_front();
  }
  if (bytes > 0) kill_point("task.after_process");
  return bytes;
}

// Answers whether the entry is used up.
result<bool> task::process_stream_entry(task_input& input, log_entry& stored, std::uint64_t& records_left) {
  WEIR_TRY(numbers, decode_entry_header(stored.header));
  // One that is not used up is decoded again.
  const bool used_up = records_left >= numbers.next - numbers.first;
  auto bytes = used_up ? std::move(stored.value).value_or("") : stored.value.value_or("");
  WEIR_TRY(entry, decode_entry(std::move(bytes)));
  if (rule_on(2) && entry.first_number > input.position)
    return fail(errc::offset_out_of_range,
                "stream {} goes on with record {} in shard {}, pipeline {} stands at {}: records are gone", input.name,
                entry.first_number, options_.shard, record_.name, input.position);
  auto& reader = *streams_.find(input.name)->second;
  const std::uint64_t records = entry.records.size(), first_number = entry.first_number, next = entry.next_number();
  const auto progress = progress_of(entry);
  const auto first = std::min<std::uint64_t>(input.position - first_number, records);
  const auto count = std::min({records - first, records_left, next_told_end(input) - input.position});
  now_ = &input;
  now_end_ = first_number + first + count;
  if (count > 0) {
    WEIR_TRY(rows, decode_stored(std::move(entry), reader.definition, reader.columns, reader.decoders));
    if (count < records) rows = slice(rows, first, count);
    WEIR_TRY_VOID(process_rows(reader.nodes, std::move(rows), reader.place));
    records_ += count;
  }
  records_left -= std::min<std::uint64_t>(std::max<std::uint64_t>(count, 1), records_left);
  if (first + count < records) {
    input.position = first_number + first + count;
    return false;
  }
  now_end_ = next;
  WEIR_TRY_VOID(advance_nodes(reader.nodes, progress));
  input.position = next;
  return true;
}

status task::process_shuffle_entry(node& n, const log_entry& stored) {
  byte_reader r(stored.header);
  const auto kind = static_cast<char>(r.u8());
  const auto shard = r.varint();
  if (!r.ok() || !r.at_end() || shard >= n.shard_clocks.size() || !stored.value)
    return fail(errc::corrupt, "entry {} of {} cannot be read", stored.offset, n.shuffle_topic);
  now_ = nullptr;
  if (kind == entry_abreast) {
    if (!n.abreast.empty()) n.abreast[shard] = true;
    return {};
  }
  if (kind == entry_partial) {
    urgent_ = true;
    operator_output out;
    WEIR_TRY_VOID(n.merging->merge(*stored.value, out));
    return emit(n, out);
  }
  const auto before = least(n.shard_clocks);
  WEIR_TRY(clock, read_clock(*stored.value));
  n.shard_clocks[shard] = clock;
  const auto after = rule_on(13) ? least(n.shard_clocks) : clock;
  return after == before ? status{} : advance_operator(n, {after, {}});
}

result<record_batch> task::decode_rows(view_reader& reader, const raw_records& texts) {
  const auto columns = reader.plan.output_columns;
  if (!reader.decoder) {
    WEIR_TRY(made, make_record_decoder({"json", {}}, columns, {}, false));
    reader.decoder = std::move(made);
  }
  batch_builder builder(columns);
  std::vector<std::uint32_t> decoded;
  std::vector<decode_failure> failures;
  reader.decoder->decode(texts, 0, texts.size(), builder, decoded, failures);
  if (!failures.empty())
    return fail(errc::corrupt, "a row of view {} cannot be read: {}", reader.plan.name, failures.front().reason);
  return builder.finish();
}

status task::process_view_entry(task_input& input, const log_entry& stored) {
  auto& reader = *views_.find(input.name)->second;
  now_ = &input;
  now_end_ = static_cast<std::uint64_t>(stored.offset) + 1;
  if (stored.key.size() == 1 && stored.key.front() == key_clock && stored.value) {
    WEIR_TRY(clock, read_clock(*stored.value));
    return advance_nodes(reader.nodes, {clock, {}});
  }
  WEIR_TRY(header, decode_row_header(stored.header));
  const auto key = std::string(stored.key.empty() ? std::string_view{} : std::string_view(stored.key).substr(1));
  raw_records texts;
  stamped_batch rows;
  const bool upsert = reader.plan.kind == view_kind::upsert;
  if (auto old = reader.rows.find(key); upsert && old != reader.rows.end()) {
    texts.append(old->second);
    rows.sign.push_back(-1);
  }
  if (stored.value) {
    texts.append(*stored.value);
    rows.sign.push_back(1);
  }
  if (texts.size() == 0) return {};
  WEIR_TRY(decoded, decode_rows(reader, texts));
  rows.rows = std::move(decoded);
  rows.event_time_us.assign(rows.size(), stored.timestamp_us);
  rows.source.assign(rows.size(), 0);
  rows.sequence.assign(rows.size(), header.sequence);
  rows.late.assign(rows.size(), header.late);
  rows.sources = std::make_shared<const std::vector<std::string>>(1, std::string(header.source));
  if (!upsert) rows.sign.clear();
  if (upsert) {
    const auto state_key = prefix_ + state_of_input + input.name + '\0' + key;
    if (stored.value)
      reader.rows[key] = *stored.value;
    else
      reader.rows.erase(key);
    open_.changes.push_back({state_key, stored.value});
  }
  return process_rows(reader.nodes, std::move(rows), {});
}

}  // namespace weir

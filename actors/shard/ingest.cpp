#include "actors/shard/ingest.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cluster/pushed_sources.hpp"
#include "cluster/topic_names.hpp"
#include "cluster/topic_sources.hpp"
#include "runtime/fault/fault_points.hpp"
#include "runtime/fault/protocol_rules.hpp"
#include "runtime/operators/byte_codec.hpp"
#include "runtime/time/timestamp.hpp"
#include "state/state_key.hpp"

namespace weir {

namespace {

// Event times of decoded rows; a row without one, or too far ahead, gets a reason instead.
struct event_times {
  std::vector<std::int64_t> us;
  std::vector<std::pair<std::size_t, std::string>> refused;  // row, reason
};

event_times read_event_times(const stream_definition& d, const record_batch& rows, std::int64_t now_us) {
  event_times out;
  if (!d.event_time) {
    out.us.assign(rows.rows, now_us);
    return out;
  }
  const column& c = *rows.columns[*d.event_time];
  const auto& name = d.columns->fields[*d.event_time].name;
  out.us.resize(rows.rows);
  for (std::size_t i = 0; i < rows.rows; ++i) {
    if (c.is_null(i)) {
      out.refused.emplace_back(i, fmt::format("its event time {} is null", name));
      continue;
    }
    if (__builtin_mul_overflow(c.ints()[i], d.event_time_unit_us, &out.us[i]) || out.us[i] < timestamp_min_us ||
        out.us[i] > timestamp_max_us) {
      out.refused.emplace_back(i,
                               fmt::format("its event time {} = {} is outside the years 1 to 9999", name, c.ints()[i]));
    } else if (rule_on(11) && out.us[i] > now_us && out.us[i] - now_us > d.max_future_us) {
      out.refused.emplace_back(
          i, fmt::format("its event time {} is more than max_future ({}) ahead of its arrival {}",
                         format_timestamp(out.us[i]), format_interval(d.max_future_us), format_timestamp(now_us)));
    }
  }
  return out;
}

std::string encode_source(const ingest_source& s) {
  std::string out;
  put_u8(out, 2);
  put_bytes(out, s.stream);
  put_varint(out, s.incarnation);
  put_bytes(out, s.position);
  put_varint(out, s.next_sequence);
  put_zigzag(out, s.own.watermark_us);
  put_zigzag(out, s.own.flushed_us);
  put_zigzag(out, s.floor_us);
  put_zigzag(out, s.max_event_us);
  put_u8(out, static_cast<std::uint8_t>(s.life));
  put_varint(out, s.accepted);
  put_varint(out, s.dead);
  put_varint(out, s.late);
  put_varint(out, s.offers_again ? s.ahead.failures : 0);
  put_varint(out, s.offers_again ? s.ahead.records : 0);
  return out;
}

status decode_source(std::string_view value, ingest_source& s) {
  byte_reader r(value);
  const auto version = r.u8();
  if (version != 1 && version != 2) return fail(errc::corrupt, "a source's state has an unknown version");
  s.stream = r.bytes();
  s.incarnation = r.varint();
  s.position = r.bytes();
  s.next_sequence = r.varint();
  s.own.watermark_us = r.zigzag();
  s.own.flushed_us = r.zigzag();
  s.floor_us = r.zigzag();
  s.max_event_us = r.zigzag();
  const auto life = r.u8();
  s.accepted = r.varint();
  s.dead = r.varint();
  s.late = r.varint();
  if (version == 2) {
    s.ahead.failures = r.varint();
    s.ahead.records = r.varint();
  }
  if (!r.ok() || !r.at_end() || life > static_cast<std::uint8_t>(source_life::quiet))
    return fail(errc::corrupt, "a source's state cannot be read");
  s.life = static_cast<source_life>(life);
  return {};
}

format_spec spec_of(const stream_definition& d, std::string_view format) {
  if (format.empty() || format == d.format.name) return d.format;
  return {std::string(format), {}};
}

result<record_decoder*> cached_decoder(std::map<std::string, std::unique_ptr<record_decoder>>& decoders,
                                       const stream_definition& d, schema_ptr columns, std::string_view format,
                                       std::string_view context, bool validate) {
  std::string key(format);
  key.push_back('\0');
  key += context;
  auto it = decoders.find(key);
  if (it == decoders.end()) {
    WEIR_TRY(made, make_record_decoder(spec_of(d, format), std::move(columns), context, validate));
    if (decoders.size() >= 1'000) decoders.clear();  // contexts come from files; forget them rather than grow
    it = decoders.emplace(std::move(key), std::move(made)).first;
  }
  return it->second.get();
}

// Cuts a chunk to what is to be taken of it now; what a source has of it already is left out.
void cut_chunk(source_chunk& c, ingest_source& source, const chunk_take& take) {
  source.offers_again = !c.position.empty();
  if (!source.offers_again && !take.goes_on) source.ahead = {};
  const ingest_source::beyond before{std::min<std::uint64_t>(source.ahead.failures, c.failures.size()),
                                     std::min<std::uint64_t>(source.ahead.records, c.records.size())};
  const auto left = c.records.size() - before.records, taken = std::min<std::uint64_t>(left, take.records);
  if (taken == left) {
    source.ahead = {source.ahead.failures - before.failures, source.ahead.records - before.records};
  } else {
    // A longer chunk of an earlier life may have brought more failures than this one has.
    source.ahead = {std::max<std::uint64_t>(source.ahead.failures, c.failures.size()), before.records + taken};
    c.position.clear();
    c.ended = false;
  }
  c.failures.erase(c.failures.begin(), c.failures.begin() + static_cast<std::ptrdiff_t>(before.failures));
  if (taken != c.records.size()) {
    raw_records kept;
    for (std::size_t i = 0; i < taken; ++i) kept.append(c.records[before.records + i]);
    c.records = std::move(kept);
  }
  if (take.poison.empty()) return;
  for (std::size_t i = 0; i < c.records.size(); ++i) c.failures.push_back({take.poison, std::string(c.records[i])});
  c.records.clear();
}

raw_records select(const raw_records& from, const std::vector<std::uint32_t>& which) {
  raw_records out;
  for (const auto i : which) out.append(from[i]);
  return out;
}

}  // namespace

// A part of a chunk on its way to an entry.
struct ingest::accepting {
  stream_entry entry;
  record_batch rows;
};

ingest::ingest(std::string app, int shard, std::size_t entry_max_bytes, ingest_limits limits)
    : app_(std::move(app)),
      shard_(shard),
      entry_max_bytes_(entry_max_bytes),
      limits_(limits),
      requests_(limits.request_window_us, limits.request_keys) {
  open_.pipeline = ingest_pipeline;
  open_.number = 1;
}

status ingest::restore(std::string_view kind_and_name, std::string_view value) {
  if (kind_and_name.empty()) return fail(errc::corrupt, "an ingest state entry has no name");
  const std::string name(kind_and_name.substr(1));
  if (kind_and_name[0] == state_of_source) return decode_source(value, sources_[name]);
  if (kind_and_name[0] == state_of_request) return requests_.restore(name, value);
  if (kind_and_name[0] != state_of_stream) return fail(errc::corrupt, "unknown ingest state {}", kind_and_name[0]);
  byte_reader r(value);
  auto& s = streams_[name];
  s.next_number = r.varint();
  s.clock.watermark_us = r.zigzag();
  s.clock.flushed_us = r.zigzag();
  s.max_event_us = r.zigzag();
  return (r.ok() && r.at_end()) ? status{} : fail(errc::corrupt, "the state of stream {} cannot be read", name);
}

std::vector<ingested_ptr> ingest::apply(const control_plan& plan, int shards, std::int64_t now_us) {
  control_offset_ = plan.state.offset;
  for (const auto& [name, definition] : plan.names.streams) {
    streams_[name].definition = definition;
    changed_streams_.insert(name);
  }
  std::map<std::string, std::vector<stream_mark>> marks;  // by stream
  std::map<std::string, std::vector<std::string>> changed;
  const auto add_mark = [&](const std::string& stream, mark_kind kind, const std::string& source, std::int64_t time) {
    marks[stream].push_back({kind, source, time});
    changed[stream].push_back(source);
    touch(source);
  };
  for (const auto& [name, record] : plan.state.sources) {
    if (shard_of_source(name, shards) != shard_ || !plan.names.streams.contains(record.stream)) continue;
    if (is_topic_source(record)) continue;  // its partitions speak
    auto [it, is_new] = sources_.try_emplace(name);
    auto& s = it->second;
    if (is_new || s.life == source_life::removed) {
      s.stream = record.stream;
      s.position.clear();
      s.ahead = {};
      s.life = source_life::live;
      s.floor_us = streams_[record.stream].clock.watermark_us;
      s.last_record_us = s.silent_since_us = now_us;
      add_mark(record.stream, mark_kind::opened, name, 0);
    }
    if (s.incarnation != record.incarnation) touch(name);
    s.incarnation = record.incarnation;
    s.pushed = record.connector == http_connector;
    const bool may_speak = s.life == source_life::live || s.life == source_life::quiet;
    if (record.state != run_state::running && may_speak) {
      s.life = source_life::idle;
      add_mark(record.stream, mark_kind::idle, name, s.max_event_us);
    }
  }
  for (auto& [name, s] : sources_) {
    if (s.life == source_life::removed || plan.state.sources.contains(name)) continue;
    s.life = source_life::removed;
    if (plan.names.streams.contains(s.stream)) add_mark(s.stream, mark_kind::removed, name, s.max_event_us);
  }
  after_plan(now_us);
  std::vector<ingested_ptr> out;
  for (auto& [stream, list] : marks)
    out.push_back(write_marks(streams_[stream], std::move(list), changed[stream], now_us));
  return out;
}

// Counts every source anew: a control state may have changed any. Silence before this process began says nothing of an
// instrument, so after a start it counts from here.
void ingest::after_plan(std::int64_t now_us) {
  silences_.clear();
  for (auto& [name, s] : sources_) {
    const auto stream = streams_.find(s.stream);
    if (stream == streams_.end()) continue;
    count_share(stream->second, s);
    if (restored_) s.silent_since_us = now_us;
    s.awaited = false;
    await_silence(name, s);
  }
  restored_ = false;
}

result<std::vector<ingested_ptr>> ingest::accept(std::string_view source_name, std::uint64_t incarnation,
                                                 source_chunk chunk, std::int64_t now_us, const chunk_take& take) {
  kill_point("ingest.before_accept");
  const auto it = sources_.find(source_name);
  if (it == sources_.end() || it->second.life == source_life::removed)
    return fail(errc::not_found, "source {} is not open in shard {}", source_name, shard_);
  auto& source = it->second;
  if (rule_on(6) && incarnation != source.incarnation)
    return fail(errc::cancelled, "a chunk of incarnation {} of source {}; the current one is {}", incarnation,
                source_name, source.incarnation);
  // A stream that only the state knows: its SQL is not planned by this version, or the state is damaged.
  const auto known = streams_.find(source.stream);
  if (known == streams_.end() || !known->second.definition.columns)
    return fail(errc::not_found, "source {} writes to {}, which is no stream now", source_name, source.stream);
  auto& stream = known->second;
  record_decoder* decoder = nullptr;
  if (take.poison.empty()) {
    WEIR_TRY(made, cached_decoder(stream.decoders, stream.definition, stream.definition.columns, chunk.format,
                                  chunk.context, true));
    decoder = made;
  }
  cut_chunk(chunk, source, take);
  if (const auto& hook = current_record_hook())
    for (std::size_t i = 0; i < chunk.records.size(); ++i) hook(ingest_pipeline, chunk.records[i]);
  std::vector<ingested_ptr> out;
  touch(source_name);
  if (source.life != source_life::live && (chunk.records.size() > 0 || !chunk.failures.empty())) {
    source.life = source_life::live;
    source.floor_us = stream.clock.watermark_us;
    source.silent_since_us = now_us;
    count_share(stream, source);
    await_silence(it->first, source);
    out.push_back(write_marks(stream, {{mark_kind::returned, it->first, 0}}, {}, now_us));
  }
  for (const auto& f : chunk.failures) {
    dead_letter(stream, source_name, source.next_sequence++, f.bytes, f.reason, chunk, now_us);
    ++source.dead;
  }
  for (std::size_t first = 0, count = 0; first < chunk.records.size(); first += count) {
    count = 1;
    std::size_t bytes = chunk.records[first].size();
    while (first + count < chunk.records.size() && bytes + chunk.records[first + count].size() <= entry_max_bytes_)
      bytes += chunk.records[first + count++].size();
    const bool whole = count == chunk.records.size();
    if (auto batch = accept_part(stream, source, it->first, {*decoder, chunk, first, count}, now_us))
      out.push_back(std::move(batch));
    if (whole) break;  // the records may have moved into their entry
  }
  if (!chunk.position.empty()) source.position = std::move(chunk.position);
  source.last_record_us = source.silent_since_us = now_us;
  if (chunk.ended && source.life != source_life::ended) {
    source.life = source_life::ended;
    count_share(stream, source);
    out.push_back(write_marks(stream, {{mark_kind::ended, it->first, source.max_event_us}}, {it->first}, now_us));
  }
  kill_point("ingest.after_accept");
  return out;
}

// Decodes a part of a chunk that fits one entry; what cannot be taken goes to the dead letters.
ingested_ptr ingest::accept_part(stream_state& stream, ingest_source& source, const std::string& name, chunk_part part,
                                 std::int64_t now_us) {
  auto& records = part.chunk.records;
  batch_builder builder(stream.definition.columns);
  std::vector<std::uint32_t> decoded;
  std::vector<decode_failure> failures;
  part.decoder.decode(records, part.first, part.count, builder, decoded, failures);
  accepting a;
  a.rows = builder.finish();
  const auto times = read_event_times(stream.definition, a.rows, now_us);
  std::vector<std::uint32_t> kept_rows, kept_records;
  auto refused = times.refused.begin();
  for (std::uint32_t row = 0; row < decoded.size(); ++row) {
    if (refused != times.refused.end() && refused->first == row) {
      failures.push_back({decoded[row], refused->second});
      ++refused;
      continue;
    }
    kept_rows.push_back(row);
    kept_records.push_back(decoded[row]);
    a.entry.event_time_us.push_back(times.us[row]);
    a.entry.sequence.push_back(source.next_sequence + (decoded[row] - part.first));
  }
  for (const auto& f : failures)
    dead_letter(stream, name, source.next_sequence + (f.record - part.first), records[f.record], f.reason, part.chunk,
                now_us);
  source.dead += failures.size();
  source.accepted += kept_rows.size();
  if (kept_rows.size() != decoded.size()) a.rows = a.rows.gather(kept_rows);
  a.entry.first_sequence = source.next_sequence;
  source.next_sequence += part.count;
  a.entry.source = name;
  a.entry.format = part.chunk.format;
  a.entry.context = part.chunk.context;
  a.entry.arrival_us = now_us;
  a.entry.records = kept_records.size() == records.size() ? std::move(records) : select(records, kept_records);
  stamp(a, source, stream);
  return a.rows.rows > 0 ? write_entry(stream, std::move(a.entry), std::move(a.rows)) : nullptr;
}

void ingest::stamp(accepting& a, ingest_source& source, stream_state& stream) {
  const auto lateness = stream.definition.lateness_us;
  a.entry.late.reserve(a.entry.event_time_us.size());
  for (const auto t : a.entry.event_time_us) {
    std::uint8_t late = 0;
    if (t < source.own.watermark_us) late |= late_for_source;
    if (t < source.share_us()) late |= late_for_stream;
    source.late += late == 0 ? 0 : 1;
    a.entry.late.push_back(late);
    source.max_event_us = std::max(source.max_event_us, t);
    source.own.watermark_us = std::max(source.own.watermark_us, t - lateness);
  }
  stream.max_event_us = std::max(stream.max_event_us, source.max_event_us);
  count_share(stream, source);
}

void ingest::dead_letter(const stream_state& s, std::string_view source, std::uint64_t sequence,
                         std::string_view record, std::string_view reason, const source_chunk& chunk,
                         std::int64_t now_us) {
  owned_append a;
  a.topic = topic::dead(app_, s.definition.name);
  a.partition = shard_;
  a.value = std::string(record);
  nlohmann::json header{{"reason", reason}, {"source", source}, {"sequence", sequence}};
  if (!chunk.format.empty()) header["format"] = chunk.format;
  if (!chunk.context.empty()) header["context"] = chunk.context;
  a.header = header.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  a.timestamp_us = now_us;
  if (first_reason_.empty()) first_reason_ = reason;
  open_.bytes += a.bytes();
  open_.appends.push_back(std::move(a));
  dirty_ = true;
}

ingested_ptr ingest::write_entry(stream_state& s, stream_entry entry, record_batch rows) {
  const auto source = sources_.find(entry.source);
  // W: the least share of the live sources; without any it stays where it is until a mark moves it.
  if (const auto least = s.shares.least()) s.clock.watermark_us = std::max(s.clock.watermark_us, *least);
  entry.first_number = s.next_number;
  entry.stream_clock = s.clock;
  if (source != sources_.end()) entry.source_clocks.emplace_back(entry.source, source->second.own);
  auto batch = std::make_shared<ingested_batch>();
  batch->stream = s.definition.name;
  batch->first_number = entry.first_number;
  batch->next_number = s.next_number = entry.next_number();
  batch->epoch = open_.number;
  batch->progress = progress_of(entry);

  owned_append a;
  a.topic = topic::stream(app_, s.definition.name);
  a.partition = shard_;
  a.header = encode_entry_header(entry);
  a.value = encode_entry(entry);
  a.timestamp_us = entry.arrival_us;
  open_.bytes += a.bytes();
  batch->bytes = a.bytes() + rows.memory_bytes();
  open_.appends.push_back(std::move(a));
  touch_stream(s.definition.name);

  auto& r = batch->rows;
  r.source.assign(rows.rows, 0);
  r.sources = std::make_shared<const std::vector<std::string>>(1, entry.source);
  r.rows = std::move(rows);
  r.event_time_us = std::move(entry.event_time_us);
  r.sequence = std::move(entry.sequence);
  r.late = std::move(entry.late);
  r.raw = std::make_shared<const raw_records>(std::move(entry.records));
  r.original.resize(r.size());
  for (std::uint32_t i = 0; i < r.original.size(); ++i) r.original[i] = i;
  return batch;
}

ingested_ptr ingest::write_marks(stream_state& s, std::vector<stream_mark> marks,
                                 const std::vector<std::string>& changed_sources, std::int64_t now_us) {
  stream_entry entry;
  for (const auto& m : marks) {
    const bool closes = m.kind == mark_kind::idle || m.kind == mark_kind::ended || m.kind == mark_kind::removed;
    if (!closes || m.time_us == no_watermark) continue;
    auto& own = sources_.find(m.source)->second.own;
    own.flushed_us = std::max(own.flushed_us, m.time_us);
    own.watermark_us = std::max(own.watermark_us, m.time_us + 1);
  }
  entry.marks = std::move(marks);
  entry.arrival_us = now_us;
  for (const auto& name : changed_sources) entry.source_clocks.emplace_back(name, sources_.find(name)->second.own);
  record_batch none{s.definition.columns, {}, 0};
  for (const auto& f : s.definition.columns->fields) none.columns.push_back(std::make_shared<const column>(f.type));
  return write_entry(s, std::move(entry), std::move(none));
}

epoch ingest::cut() {
  const auto prefix = state_prefix(ingest_pipeline, 0);
  for (const auto& name : touched_sources_)
    open_.changes.push_back({prefix + state_of_source + name, encode_source(sources_.find(name)->second)});
  for (const auto& name : touched_streams_) {
    const auto& s = streams_.find(name)->second;
    std::string value;
    put_varint(value, s.next_number);
    put_zigzag(value, s.clock.watermark_us);
    put_zigzag(value, s.clock.flushed_us);
    put_zigzag(value, s.max_event_us);
    open_.changes.push_back({prefix + state_of_stream + name, std::move(value)});
  }
  touched_sources_.clear();
  touched_streams_.clear();
  requests_.take_changes(prefix, open_.changes);
  for (const auto& c : open_.changes) open_.bytes += c.key.size() + (c.value ? c.value->size() : 0);
  epoch done = std::move(open_);
  open_ = {};
  open_.pipeline = ingest_pipeline;
  open_.number = done.number + 1;
  dirty_ = false;
  kill_point("ingest.after_cut");
  return done;
}

void ingest::touch(std::string_view source) {
  touched_sources_.emplace(source);
  changed_.emplace(source);
  dirty_ = true;
}

void ingest::touch_stream(std::string_view stream) {
  touched_streams_.emplace(stream);
  changed_streams_.emplace(stream);
  dirty_ = true;
}

std::vector<std::string> ingest::take_changed() {
  std::vector<std::string> out(changed_.begin(), changed_.end());
  changed_.clear();
  return out;
}

std::vector<std::string> ingest::take_changed_streams() {
  std::vector<std::string> out(changed_streams_.begin(), changed_streams_.end());
  changed_streams_.clear();
  return out;
}

std::map<std::string, std::uint64_t, std::less<>> ingest::open_numbers() const {
  std::map<std::string, std::uint64_t, std::less<>> out;
  for (const auto& name : touched_streams_) out.emplace(name, streams_.find(name)->second.next_number);
  return out;
}

std::uint64_t ingest::untaken(const ingest_source& source, const source_chunk& chunk, bool goes_on) const {
  const bool remembered = goes_on || !chunk.position.empty();
  return chunk.records.size() - std::min<std::uint64_t>(remembered ? source.ahead.records : 0, chunk.records.size());
}

const ingest_source* ingest::find_source(std::string_view name) const {
  const auto it = sources_.find(name);
  return it == sources_.end() || it->second.life == source_life::removed ? nullptr : &it->second;
}

shard_clock ingest::clock_of(std::string_view stream) const {
  shard_clock out;
  const auto it = streams_.find(stream);
  if (it == streams_.end()) return out;
  out.live_sources = static_cast<int>(it->second.shares.count());
  out.quiet_sources = it->second.quiet_sources;
  out.watermark_us = it->second.clock.watermark_us;
  out.max_event_time_us = it->second.max_event_us;
  out.flushed_us = it->second.clock.flushed_us;
  out.control_offset = control_offset_;
  return out;
}

std::uint64_t ingest::next_number(std::string_view stream) const {
  const auto it = streams_.find(stream);
  return it == streams_.end() ? 0 : it->second.next_number;
}

std::vector<std::string> ingest::stream_names() const {
  std::vector<std::string> out;
  for (const auto& [name, s] : streams_)
    if (s.definition.columns) out.push_back(name);
  return out;
}

time_progress progress_of(const stream_entry& entry) {
  time_progress p;
  p.stream = entry.stream_clock;
  for (const auto& [source, clock] : entry.source_clocks) p.by_source[source] = clock;
  return p;
}

result<stamped_batch> decode_stored(stream_entry entry, const stream_definition& stream, schema_ptr columns,
                                    std::map<std::string, std::unique_ptr<record_decoder>>& decoders) {
  WEIR_TRY(decoder, cached_decoder(decoders, stream, columns, entry.format, entry.context, false));
  batch_builder builder(columns);
  std::vector<std::uint32_t> decoded;
  std::vector<decode_failure> failures;
  decoder->decode(entry.records, 0, entry.records.size(), builder, decoded, failures);
  if (!failures.empty())
    return fail(errc::corrupt, "record {} of stream {} was accepted by ingest and cannot be decoded now: {}",
                entry.first_number + failures.front().record, stream.name, failures.front().reason);
  stamped_batch out;
  out.rows = builder.finish();
  out.event_time_us = std::move(entry.event_time_us);
  out.source.assign(out.size(), 0);
  out.sequence = std::move(entry.sequence);
  out.late = std::move(entry.late);
  out.sources = std::make_shared<const std::vector<std::string>>(1, std::move(entry.source));
  out.raw = std::make_shared<const raw_records>(std::move(entry.records));
  out.original.resize(out.size());
  for (std::uint32_t i = 0; i < out.original.size(); ++i) out.original[i] = i;
  return out;
}

}  // namespace weir

#include "actors/source/kafka/kafka_connector.hpp"

#include <nlohmann/json.hpp>

#include "actors/source/front_fields.hpp"
#include "actors/source/kafka/topic_position.hpp"
#include "runtime/excerpt.hpp"
#include "runtime/format/avro_schema.hpp"
#include "runtime/format/text_value.hpp"
#include "runtime/time/timestamp.hpp"

namespace weir {

namespace {

// A record that outlives its reader's view of it.
struct held_record {
  explicit held_record(const external_record& r) : offset(r.offset), timestamp_us(r.timestamp_us) {
    if (r.key) key = *r.key;
    if (r.value) value = *r.value;
  }
  external_record view() const {
    external_record out{offset, timestamp_us, {}, {}};
    if (key) out.key = *key;
    if (value) out.value = *value;
    return out;
  }

  std::int64_t offset, timestamp_us;
  std::optional<std::string> key, value;
};

bool has_room(const source_chunk& chunk, const pull_limits& limits) {
  std::size_t bytes = chunk.records.byte_count();
  for (const auto& f : chunk.failures) bytes += f.bytes.size();
  return chunk.records.size() + chunk.failures.size() < std::max<std::size_t>(1, limits.max_records) &&
         bytes < limits.max_bytes;
}

// The library says nothing of a topic that was deleted, or made anew, while nothing comes: so a silent source looks
// again whether its place is still there.
constexpr std::chrono::seconds silence_allowed{10};
constexpr std::chrono::seconds quiet_pause{1};  // the reader wakes the source; this only shows how it is

class kafka_connector final : public connector {
 public:
  kafka_connector(std::string name, kafka_options options, connector_context context)
      : name_(std::move(name)), options_(std::move(options)), context_(std::move(context)) {
    is_avro_ = context_.stream_format.name == "avro";
    if (!options_.key_column.empty()) key_name_ = nlohmann::json(options_.key_column).dump();
    if (!options_.timestamp_column.empty()) timestamp_name_ = nlohmann::json(options_.timestamp_column).dump();
  }

  // Asks nobody: the first pull does.
  status open(std::string_view position) override;
  result<source_chunk> pull(const pull_limits& limits) override;
  bool connected() const override { return reader_ != nullptr; }

 private:
  status connect();
  result<std::int64_t> first_offset(const log_bounds& held) const;
  result<int> trial_partition() const;
  status take(const external_record& record, source_chunk& chunk);
  void mark_last();
  result<bool> follow_schema(const external_record& record, source_chunk& chunk);
  bool unframe(const external_record& record, std::string_view& value, source_chunk& chunk) const;
  void add(const external_record& record, source_chunk& chunk);
  void add_failure(const external_record& record, std::string reason, source_chunk& chunk) const;
  status explain(error why) const;
  std::string place() const { return fmt::format("{}[{}]", options_.topic, partition_); }

  std::string name_;
  kafka_options options_;
  connector_context context_;
  std::string key_name_, timestamp_name_;  // as JSON
  int partition_ = 0;
  std::shared_ptr<external_topics> topics_;
  std::unique_ptr<external_reader> reader_;
  std::optional<topic_position> resumed_;  // none: never read
  topic_position now_;
  std::optional<external_record> last_;          // taken, and still the reader's
  std::int64_t handed_over_ = 0;                 // the position that ingest has
  bool comparing_ = false;                       // the next record is the last one read, again
  std::uint64_t ignored_ = 0;                    // tombstones
  std::chrono::steady_clock::time_point heard_;  // of the partition: a record, or that it is still there
  // Avro: a chunk has records of one schema, which is its context.
  bool is_avro_ = false;
  std::optional<held_record> held_;         // polled, of another schema: it begins the next chunk
  std::optional<std::uint32_t> schema_id_;  // of `schema_`
  std::optional<std::string> schema_;       // none: nobody has one of this number
};

// Confluent's framing: a zero byte, the schema's number in four bytes, the datum.
constexpr std::size_t frame_bytes = 5;

std::optional<std::uint32_t> schema_id_of(std::string_view value) {
  if (value.size() < frame_bytes || value[0] != 0) return std::nullopt;
  std::uint32_t id = 0;
  for (std::size_t i = 1; i < frame_bytes; ++i) id = id << 8 | static_cast<unsigned char>(value[i]);
  return id;
}

status kafka_connector::open(std::string_view position) {
  if (!context_.kafka.open) return fail(errc::internal, "source {}: no Kafka was given to connectors", name_);
  if (!options_.partition && !context_.trial)
    return fail(errc::internal, "source {} is a whole topic, which has no connector of its own", name_);
  if (position.empty()) return {};
  WEIR_TRY(read, decode_topic_position(position));
  resumed_ = read;
  return {};
}

// The first that holds anything, so that there is something to see.
result<int> kafka_connector::trial_partition() const {
  constexpr int most = 16;
  WEIR_TRY(partitions, topics_->partitions(options_.topic));
  for (int p = 0; p < std::min(partitions, most); ++p) {
    WEIR_TRY(held, topics_->bounds(options_.topic, p));
    if (held.end > held.start) return p;
  }
  return 0;
}

result<std::int64_t> kafka_connector::first_offset(const log_bounds& held) const {
  const auto& start = options_.start;
  switch (start.from) {
    case topic_start::kind::earliest: return held.start;
    case topic_start::kind::latest: return context_.trial ? held.start : held.end;
    case topic_start::kind::offset: break;
    case topic_start::kind::time: {
      WEIR_TRY(offsets, topics_->offsets(options_.topic, partition_ + 1, start.time_us / us_per_ms));
      return offsets.at(static_cast<std::size_t>(partition_));
    }
  }
  WEIR_TRY_VOID(check_held({start.offset, {}}, held, place(), name_));
  return start.offset;
}

status kafka_connector::connect() {
  WEIR_TRY(topics, context_.kafka.open(options_.brokers));
  topics_ = std::move(topics);
  if (options_.partition) {
    partition_ = *options_.partition;
  } else {
    WEIR_TRY(partition, trial_partition());
    partition_ = partition;
  }
  auto held = topics_->bounds(options_.topic, partition_);
  if (!held) return explain(std::move(held).error());
  if (resumed_) {
    WEIR_TRY_VOID(check_held(*resumed_, *held, place(), name_));
    now_ = *resumed_;
  } else {
    WEIR_TRY(first, first_offset(*held));
    now_.next = first;
  }
  handed_over_ = now_.next;
  // The last record is read once more, where it is still there.
  comparing_ = now_.last && now_.last->offset >= held->start;
  WEIR_TRY(reader,
           topics_->read(options_.topic, partition_, comparing_ ? now_.last->offset : now_.next, context_.wake));
  reader_ = std::move(reader);
  return {};
}

// What the topic's end or a lost range means for this source.
status kafka_connector::explain(error why) const {
  const auto read = resumed_ ? resumed_->next : now_.next;
  if (why.code == errc::not_found) {
    why.message += fmt::format("; {} was read up to offset {}, what may have stood behind it is gone with the topic",
                               place(), read);
    why.hint = "make the topic anew, or: weir source remove " + name_;
    return fail(std::move(why));
  }
  if (why.code != errc::offset_out_of_range) return fail(std::move(why));
  if (const auto held = topics_->bounds(options_.topic, partition_))
    WEIR_TRY_VOID(check_held(now_, *held, place(), name_));
  return gone_for_good(fail(std::move(why)), name_);
}

void kafka_connector::add_failure(const external_record& record, std::string reason, source_chunk& chunk) const {
  const auto bytes = record.value ? *record.value : record.key.value_or(std::string_view{});
  chunk.failures.push_back({fmt::format("{}, offset {}: {}", place(), record.offset, reason),
                            std::string(bytes.substr(0, context_.max_record_bytes))});
}

void kafka_connector::add(const external_record& record, source_chunk& chunk) {
  if (!record.value) {
    if (!options_.tombstones_are_dead_letters)
      ++ignored_;
    else
      add_failure(record, fmt::format("a record without a value, of key {}", quoted_excerpt(record.key.value_or(""))),
                  chunk);
    return;
  }
  auto value = *record.value;
  const auto most = context_.max_record_bytes;
  if (is_avro_ && !unframe(record, value, chunk)) return;
  const auto refuse_size = [&](std::size_t size) {
    add_failure(record, fmt::format("it has {} bytes, more than log.max_record = {}", size, most), chunk);
  };
  if (value.size() > most) return refuse_size(value.size());
  if (!options_.header.empty())
    while (value.ends_with('\n') || value.ends_with('\r')) value.remove_suffix(1);
  std::string fields;
  if (!key_name_.empty()) {
    if (record.key && !is_valid_utf8(*record.key))
      return add_failure(record, fmt::format("its key {} is no text in UTF-8", quoted_excerpt(*record.key)), chunk);
    add_front_field(fields, key_name_, record.key ? nlohmann::json(std::string(*record.key)).dump() : "null");
  }
  if (!timestamp_name_.empty()) {
    const auto at = nlohmann::json(format_timestamp(record.timestamp_us));
    add_front_field(fields, timestamp_name_, record.timestamp_us == 0 ? "null" : at.dump());
  }
  if (fields.empty()) {
    chunk.records.append(value);
    return;
  }
  const auto whole = put_in_front(value, fields);
  if (whole.size() > most) return refuse_size(whole.size());
  chunk.records.append(whole);
}

// Makes the record's schema the chunk's; false: the chunk has another, and this record begins the next one.
result<bool> kafka_connector::follow_schema(const external_record& record, source_chunk& chunk) {
  const auto id = record.value ? schema_id_of(*record.value) : std::nullopt;
  if (!id) return true;
  if (id != schema_id_) {
    if (chunk.records.size() > 0) return false;
    auto found = context_.kafka.schema_of(*id);
    if (!found && found.error().code != errc::not_found) return fail(std::move(found).error());
    schema_id_ = id;
    schema_ = found ? std::optional(std::move(*found)) : std::nullopt;
    if (schema_)
      if (const auto usable = avro_schema::parse(*schema_); !usable || (*usable)->root().kind != avro_kind::record)
        return fail(errc::unsupported, "schema {}: {}", *id, usable ? "it is no record" : usable.error().text());
  }
  if (schema_ && chunk.context.empty()) chunk.context = *schema_;
  return true;
}

// Answers whether `value` is now a datum of the chunk's schema.
bool kafka_connector::unframe(const external_record& record, std::string_view& value, source_chunk& chunk) const {
  if (const auto id = schema_id_of(value); !id) {
    add_failure(record, "no Avro record: it does not begin with a zero byte and a schema's number", chunk);
  } else if (!schema_) {
    add_failure(record, fmt::format("its schema {} is known to nobody", *id), chunk);
  } else {
    value.remove_prefix(frame_bytes);
    return true;
  }
  return false;
}

status kafka_connector::take(const external_record& record, source_chunk& chunk) {
  if (std::exchange(comparing_, false)) WEIR_TRY_VOID(check_last(now_, record, place(), name_));
  if (record.offset < now_.next) return {};
  if (is_avro_) {
    WEIR_TRY(fits, follow_schema(record, chunk));
    if (!fits) {
      held_ = held_record(record);
      return {};
    }
  }
  add(record, chunk);
  now_.next = record.offset + 1;
  last_ = record;
  return {};
}

// Only of the last record taken: a fingerprint costs more than taking it does.
void kafka_connector::mark_last() {
  if (const auto last = std::exchange(last_, {})) now_.last = {last->offset, fingerprint_of(*last)};
}

result<source_chunk> kafka_connector::pull(const pull_limits& limits) {
  const auto now = std::chrono::steady_clock::now();
  if (reader_ && now - heard_ >= silence_allowed) {
    reader_.reset();
    resumed_ = now_;
  }
  if (!reader_) {
    heard_ = now;
    WEIR_TRY_VOID(connect());
  }
  source_chunk chunk;
  status good;
  if (const auto first = std::exchange(held_, {})) {
    good = take(first->view(), chunk);
    mark_last();
  }
  const auto polled = !good || !has_room(chunk, limits) ? status{} : reader_->poll([&](const external_record& record) {
    good = take(record, chunk);
    return good && !held_ && has_room(chunk, limits);
  });
  mark_last();
  const bool any = chunk.records.size() + chunk.failures.size() > 0;
  if (any) heard_ = now;
  // What came before the trouble goes on; the trouble is met again with the next pull, at the latest when reopened.
  if (!any && !good) return fail(std::move(good).error());
  if (!any && !polled) return fail(explain(polled.error()).error());
  if (!good || !polled) reader_.reset();
  if (!reader_) resumed_ = now_;
  if (reader_ && !held_ && reader_->at_end()) now_.next = std::max(now_.next, reader_->position());
  chunk.moved = now_.next != handed_over_;
  chunk.took_all = reader_ && !held_ && has_room(chunk, limits);
  handed_over_ = now_.next;
  chunk.position = encode_topic_position(now_);
  if (!is_avro_) chunk.context = options_.header;
  chunk.progress = fmt::format("{}, offset {}{}", place(), now_.next,
                               ignored_ == 0 ? "" : fmt::format(", {} tombstones ignored", ignored_));
  chunk.least_pause = chunk.longest_pause = quiet_pause;
  return chunk;
}

}  // namespace

result<std::unique_ptr<connector>> make_kafka_connector(const source_spec& spec, const connector_context& context) {
  WEIR_TRY(options, read_kafka_options(spec, context));
  return std::make_unique<kafka_connector>(spec.name, std::move(options), context);
}

result<topic_look> look_at_topic(const source_spec& spec, const connector_context& context, bool first) {
  WEIR_TRY(options, read_kafka_options(spec, context));
  WEIR_TRY(topics, context.kafka.open(options.brokers));
  topic_look out;
  WEIR_TRY(partitions, topics->partitions(options.topic));
  out.partitions = partitions;
  if (!first || options.start.from == topic_start::kind::earliest) return out;
  std::optional<std::int64_t> since;
  if (options.start.from == topic_start::kind::time) since = options.start.time_us / us_per_ms;
  WEIR_TRY(starts, topics->offsets(options.topic, partitions, since));
  out.starts = std::move(starts);
  return out;
}

}  // namespace weir

#include "runtime/log/kafka_reader.hpp"

#include <algorithm>

#include "runtime/log/kafka_record.hpp"
#include "runtime/log/log_checks.hpp"

namespace weir::kafka {

namespace {

// How long nothing may come before the end is asked for, the second time twice as long and so on: a position between
// the last stable offset and the last one (another commit is under way there, or its markers are not written yet) gets
// no end-of-partition event.
constexpr int first_silence_ms = 5, longest_silence_ms = 100;

struct partition_stop {
  rd_kafka_topic_t* topic;
  int partition;
  ~partition_stop() { consumer::stop(topic, partition); }
};

// The first offset whose entry is as young as that, as this client may see it; none when there is no such entry.
result<std::optional<std::int64_t>> ask_offset(cluster& brokers, const client& c, const topic_ref& topic, int partition,
                                               std::int64_t when, const time_limit& limit) {
  return ask_until_known(brokers, topic, limit,
                         [&] { return c.offset_at(topic->config.name, partition, when, limit); });
}

// Start or end of the partition as this client may see it.
result<std::int64_t> ask_edge(cluster& brokers, const client& c, const topic_ref& topic, int partition,
                              std::int64_t edge, const time_limit& limit) {
  WEIR_TRY(offset, ask_offset(brokers, c, topic, partition, edge, limit));
  if (!offset)
    return fail(errc::internal, "Kafka gives no offset for an edge of {}[{}]", topic->config.name, partition);
  return *offset;
}

result<log_bounds> ask_bounds(cluster& brokers, const client& c, const topic_ref& topic, int partition,
                              const time_limit& limit) {
  WEIR_TRY(start, ask_edge(brokers, c, topic, partition, partition_start, limit));
  WEIR_TRY(end, ask_edge(brokers, c, topic, partition, partition_end, limit));
  return log_bounds{start, end};
}

}  // namespace

result<log_bounds> bounds_of(cluster& brokers, const topic_ref& topic, int partition, const time_limit& limit) {
  WEIR_TRY(from, brokers.consumers.take(limit));
  return ask_bounds(brokers, from->connection(), topic, partition, limit);
}

// Compacted topics: a deletion from before tombstone_keep_ms may be gone, and a reader that starts in between would
// never hear of it. Nothing can be missing where at most one offset lies ahead: a deletion there would have been
// followed by the marker of its transaction.
status check_start(cluster& brokers, const topic_ref& topic, int partition, std::int64_t from) {
  auto const limit = brokers.limit();
  auto const& name = topic->config.name;
  bool const compacted = topic->config.kind == topic_kind::compacted;
  if (compacted && from == 0) return {};
  WEIR_TRY(held, bounds_of(brokers, topic, partition, limit));
  if (from > held.end) {
    WEIR_TRY(last, ask_edge(brokers, brokers.brokers->connection(), topic, partition, partition_end, limit));
    held.end = std::max(held.end, last);  // a commit whose markers are still being written
  }
  WEIR_TRY_VOID(check_position(name, partition, held, from));
  if (!compacted || from + 1 >= held.end) return {};
  using namespace std::chrono;
  auto const now_ms = duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
  auto const keep_ms = brokers.options.tombstone_keep_ms;
  WEIR_TRY(lent, brokers.consumers.take(limit));
  auto const since = std::max<std::int64_t>(0, now_ms - keep_ms + keep_ms / 24);
  WEIR_TRY(recent, ask_offset(brokers, lent->connection(), topic, partition, since, limit));
  if (recent && from >= *recent) return {};
  return with_hint(
      fail(errc::offset_out_of_range,
           "topic {}, partition {}: deletions from offset {} on may be gone, the topic keeps them for {} ms", name,
           partition, from, keep_ms),
      "start again from the log's beginning");
}

result<std::int64_t> begin_of(cluster& brokers, const topic_ref& topic, int partition, std::int64_t from) {
  if (topic->config.kind != topic_kind::compacted) return from;
  auto const can = check_start(brokers, topic, partition, from);
  if (can) return from;
  if (can.error().code == errc::offset_out_of_range) return 0;
  return fail(can.error());
}

result<std::vector<log_entry>> reader::fetch(std::size_t max_bytes) {
  if (topic_->dropped) return fail(errc::not_found, "topic {} was dropped", topic_->config.name);
  auto const limit = brokers_->limit();
  WEIR_TRY(from, brokers_->consumers.take(limit));
  taken found;
  trouble_ = RD_KAFKA_RESP_ERR_NO_ERROR;
  auto done = read(*from, found, max_bytes, limit);
  if (!done && found.entries.empty()) {
    if (done.error().code == errc::not_found && !brokers_->topics.is_gone(topic_, limit))
      done.error().code = errc::unavailable;
    return fail(std::move(done).error());
  }
  return std::move(found.entries);  // what failed behind them fails again
}

status reader::read(consumer& from, taken& so_far, std::size_t max_bytes, const time_limit& limit) {
  WEIR_TRY(topic, ask_until_known(*brokers_, topic_, limit, [&] { return from.topic(topic_, limit); }));
  WEIR_TRY_VOID(from.start(topic, partition_, position_));
  partition_stop const stop{topic, partition_};
  int silence_ms = first_silence_ms;
  while (!so_far.at_end && (so_far.entries.empty() || so_far.bytes < max_bytes)) {
    if (limit.over()) {
      auto const code = trouble_ == RD_KAFKA_RESP_ERR_NO_ERROR ? RD_KAFKA_RESP_ERR__TIMED_OUT : trouble_;
      return fail(from.connection().failed(fmt::format("reading {}[{}]", topic_->config.name, partition_), code));
    }
    auto const message = from.next(limit.left_ms(silence_ms));
    if (!message) {
      WEIR_TRY(end, ask_edge(*brokers_, from.connection(), topic_, partition_, partition_end, limit));
      so_far.at_end = end <= position_;
      silence_ms = std::min(2 * silence_ms, longest_silence_ms);
    } else if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      position_ = std::max(position_, message->offset);
      so_far.at_end = true;
    } else if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      WEIR_TRY_VOID(take_error(from.connection(), message->err, limit));
    } else {
      WEIR_TRY_VOID(take(*message, so_far));
    }
  }
  return {};
}

status reader::take(rd_kafka_message_t& message, taken& so_far) {
  WEIR_TRY(entry, to_entry(message, topic_->config.name));
  so_far.bytes += entry.key.size() + entry.header.size() + (entry.value ? entry.value->size() : 0);
  position_ = entry.offset + 1;
  so_far.entries.push_back(std::move(entry));
  return {};
}

// Passing troubles are waited out; the others say what to do.
status reader::take_error(const client& from, rd_kafka_resp_err_t code, const time_limit& limit) {
  auto const& name = topic_->config.name;
  switch (code_of(code)) {
    case errc::offset_out_of_range: {
      WEIR_TRY(held, ask_bounds(*brokers_, from, topic_, partition_, limit));
      return with_hint(fail(errc::offset_out_of_range,
                            "topic {}, partition {}: offset {} is no longer in the log, which holds {} to {}", name,
                            partition_, position_, held.start, held.end),
                       "raise the topic's retention, or start again from the log's beginning");
    }
    case errc::not_found: {
      if (brokers_->topics.is_gone(topic_, limit)) return fail(errc::not_found, "topic {} was dropped", name);
      break;
    }
    case errc::permission_denied: return fail(from.failed(fmt::format("reading {}[{}]", name, partition_), code));
    default: break;
  }
  trouble_ = code;
  return {};
}

}  // namespace weir::kafka

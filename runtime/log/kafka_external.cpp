#include "runtime/log/kafka_external.hpp"

#include <algorithm>
#include <array>
#include <mutex>
#include <set>
#include <utility>

#include "runtime/log/kafka_client.hpp"

namespace weir {

namespace {

using kafka::client;
using kafka::time_limit;

constexpr std::size_t fetch_bytes = 1U << 20;

// What the library could not read it leaves out: never to be passed over.
bool is_damage(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
    case RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED:
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
    case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE: return true;
    default: return false;
  }
}

// The library reads a partition once per client, so two readers of the same one need two clients.
struct connection {
  std::unique_ptr<client> of;
  std::mutex mutex;
  std::set<std::pair<std::string, int>> read;

  bool take(const std::string& topic, int partition) {
    std::lock_guard const lock(mutex);
    return read.emplace(topic, partition).second;
  }
  void give_back(const std::string& topic, int partition) {
    std::lock_guard const lock(mutex);
    read.erase({topic, partition});
  }
};

class reader final : public external_reader {
 public:
  // The partition is taken from the connection.
  reader(std::shared_ptr<connection> from_here, std::string topic, int partition, std::int64_t from,
         std::size_t buffer_bytes, std::function<void()> wake)
      : connection_(std::move(from_here)),
        client_(connection_->of.get()),
        queue_(client_->make_queue()),
        name_(std::move(topic)),
        partition_(partition),
        position_(from),
        buffer_bytes_(buffer_bytes),
        wake_(std::move(wake)) {}
  ~reader() override {
    rd_kafka_queue_cb_event_enable(queue_.get(), nullptr, nullptr);
    if (started_) rd_kafka_consume_stop(topic_.get(), partition_);
    connection_->give_back(name_, partition_);
  }

  status start(const time_limit& limit) {
    WEIR_TRY(topic, client_->topic(name_, limit));
    topic_ = std::move(topic);
    if (wake_) {
      rd_kafka_queue_cb_event_enable(
          queue_.get(), [](rd_kafka_t*, void* self) { static_cast<reader*>(self)->wake_(); }, this);
    }
    if (rd_kafka_consume_start_queue(topic_.get(), partition_, position_, queue_.get()) != 0)
      return fail(client_->failed(what(), rd_kafka_last_error()));
    started_ = true;
    return {};
  }

  status poll(const std::function<bool(const external_record&)>& take) override {
    messages_.erase(messages_.begin(), messages_.begin() + static_cast<std::ptrdiff_t>(std::exchange(next_, 0)));
    while (next_ < messages_.size() || fetch()) {
      auto const& message = *messages_[next_++];
      if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        WEIR_TRY_VOID(hear(message));
        continue;
      }
      at_end_ = false;
      position_ = message.offset + 1;
      taken_bytes_ += message.len;
      if (!take(view_of(message))) return {};
    }
    return {};
  }
  std::int64_t position() const override { return position_; }
  bool at_end() const override { return at_end_; }

 private:
  std::string what() const { return fmt::format("reading {}[{}]", name_, partition_); }

  // Many at once: one by one each would cost a look at the clock.
  bool fetch() {
    // The buffer can only have been full if so much was taken out of it.
    if (taken_bytes_ >= buffer_bytes_ / 2) {
      taken_bytes_ = 0;
      client_->look_again(name_, partition_);
    }
    std::array<rd_kafka_message_t*, 1024> come;
    auto const count = rd_kafka_consume_batch_queue(queue_.get(), 0, come.data(), come.size());
    for (ssize_t i = 0; i < count; ++i) messages_.emplace_back(come.at(static_cast<std::size_t>(i)));
    return count > 0;
  }

  static external_record view_of(const rd_kafka_message_t& message) {
    external_record out;
    out.offset = message.offset;
    auto const ms = rd_kafka_message_timestamp(&message, nullptr);
    out.timestamp_us = ms < 0 ? 0 : ms * 1'000;
    if (message.key != nullptr) out.key.emplace(static_cast<const char*>(message.key), message.key_len);
    if (message.payload != nullptr) out.value.emplace(static_cast<const char*>(message.payload), message.len);
    return out;
  }

  status hear(const rd_kafka_message_t& message) {
    if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      position_ = std::max(position_, message.offset);
      at_end_ = true;
      return {};
    }
    auto const code = kafka::code_of(message.err);
    bool const damaged = is_damage(message.err);
    if (!damaged && code != errc::offset_out_of_range && code != errc::not_found && code != errc::permission_denied)
      return {};
    auto const* const text = rd_kafka_message_errstr(&message);
    auto why = client_->failed(what(), message.err, text == nullptr ? "" : text);
    if (damaged) why.code = errc::corrupt;
    return fail(std::move(why));
  }

  std::shared_ptr<connection> connection_;
  const client* client_;
  kafka::queue_ptr queue_;
  kafka::topic_ptr topic_;
  std::string name_;
  int partition_;
  std::int64_t position_;
  const std::size_t buffer_bytes_;
  std::size_t taken_bytes_ = 0;  // since the library was made to look
  std::function<void()> wake_;
  bool started_ = false, at_end_ = false;
  std::vector<kafka::message_ptr> messages_;  // the first `next_` were handed on
  std::size_t next_ = 0;
};

class topics final : public external_topics {
 public:
  explicit topics(external_options options) : options_(std::move(options)) {}

  status connect() {
    WEIR_TRY(made, open_connection());
    client_ = made->of.get();
    connections_.push_back(std::move(made));
    return {};
  }

  result<int> partitions(const std::string& topic) override { return count(topic, limit()); }

  result<log_bounds> bounds(const std::string& topic, int partition) override {
    auto const until = limit();
    WEIR_TRY(partitions, count(topic, until));
    if (partition >= partitions)
      return fail(errc::not_found, "Kafka at {}: topic {} has {} partitions, and no {}", options_.brokers, topic,
                  partitions, partition);
    WEIR_TRY(start, client_->offset_at(topic, partition, kafka::partition_start, until));
    WEIR_TRY(end, client_->offset_at(topic, partition, kafka::partition_end, until));
    if (!start || !end) return fail(errc::unavailable, "Kafka gives no offset for an edge of {}[{}]", topic, partition);
    return log_bounds{*start, *end};
  }

  result<std::vector<std::int64_t>> offsets(const std::string& topic, int count,
                                            std::optional<std::int64_t> since_ms) override {
    auto const until = limit();
    WEIR_TRY(ends, ask(topic, count, kafka::partition_end, until));
    if (!since_ms) return ends;
    WEIR_TRY(found, ask(topic, count, *since_ms, until));
    for (std::size_t i = 0; i < found.size(); ++i)
      if (found[i] < 0) found[i] = ends[i];
    return found;
  }

  result<std::unique_ptr<external_reader>> read(const std::string& topic, int partition, std::int64_t from,
                                                std::function<void()> wake) override {
    WEIR_TRY(through, connection_for(topic, partition));
    auto made = std::make_unique<reader>(std::move(through), topic, partition, from, options_.buffer_bytes,
                                         std::move(wake));
    WEIR_TRY_VOID(made->start(limit()));
    return made;
  }

 private:
  time_limit limit() const { return time_limit(options_.timeout); }

  result<int> count(const std::string& topic, const time_limit& until) const {
    kafka::topic_ptr const asked(rd_kafka_topic_new(client_->get(), topic.c_str(), nullptr));
    if (!asked) return fail(client_->failed("opening topic " + topic, rd_kafka_last_error()));
    const rd_kafka_metadata_t* raw = nullptr;
    auto code = rd_kafka_metadata(client_->get(), 0, asked.get(), &raw, std::max(1, until.left_ms()));
    kafka::metadata_ptr const metadata(raw);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && metadata->topic_cnt == 1) code = metadata->topics[0].err;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(client_->failed("asking for topic " + topic, code));
    if (metadata->topic_cnt != 1) return fail(errc::not_found, "Kafka at {}: no topic {}", options_.brokers, topic);
    return metadata->topics[0].partition_cnt;
  }

  result<std::vector<std::int64_t>> ask(const std::string& topic, int count, std::int64_t when,
                                        const time_limit& until) const {
    kafka::partitions_ptr const asked(rd_kafka_topic_partition_list_new(count));
    for (int i = 0; i < count; ++i) rd_kafka_topic_partition_list_add(asked.get(), topic.c_str(), i)->offset = when;
    auto code = rd_kafka_offsets_for_times(client_->get(), asked.get(), std::max(1, until.left_ms()));
    std::vector<std::int64_t> out(static_cast<std::size_t>(count));
    for (int i = 0; i < asked->cnt; ++i) {
      auto const& one = asked->elems[i];
      if (code == RD_KAFKA_RESP_ERR_NO_ERROR) code = one.err;
      out.at(static_cast<std::size_t>(one.partition)) = one.offset;
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(client_->failed("asking for offsets of " + topic, code));
    return out;
  }

  result<std::shared_ptr<connection>> connection_for(const std::string& topic, int partition) {
    std::lock_guard const lock(mutex_);
    for (auto const& one : connections_)
      if (one->take(topic, partition)) return one;
    WEIR_TRY(made, open_connection());
    made->take(topic, partition);
    connections_.push_back(made);
    return made;
  }

  result<std::shared_ptr<connection>> open_connection() const {
    kafka_log_options reached;
    reached.brokers = options_.brokers;
    reached.security = options_.security;
    reached.on_message = options_.on_message;
    // The buffer's bytes are its only limit; once it was full, the reader makes the library look again.
    auto const buffer = std::to_string(std::max<std::size_t>(1, options_.buffer_bytes >> 10));
    auto made = std::make_shared<connection>();
    WEIR_TRY(opened, client::open(RD_KAFKA_CONSUMER, reached,
                                  {{"isolation.level", "read_committed"},
                                   {"enable.partition.eof", "true"},
                                   {"auto.offset.reset", "error"},
                                   {"fetch.wait.max.ms", "100"},
                                   {"fetch.error.backoff.ms", "50"},
                                   {"fetch.message.max.bytes", std::to_string(fetch_bytes)},
                                   {"queued.min.messages", "10000000"},
                                   {"queued.max.messages.kbytes", buffer}}));
    made->of = std::move(opened);
    return made;
  }

  external_options options_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<connection>> connections_;
  const client* client_ = nullptr;  // the first one's
};

}  // namespace

result<std::shared_ptr<external_topics>> open_external_topics(external_options options) {
  auto made = std::make_shared<topics>(std::move(options));
  WEIR_TRY_VOID(made->connect());
  return made;
}

}  // namespace weir

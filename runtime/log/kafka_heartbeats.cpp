#include <charconv>

#include "runtime/log/heartbeats.hpp"
#include "runtime/log/kafka_client.hpp"

namespace weir {

namespace {

using namespace kafka;

// A heartbeat that has not arrived by then says less than the next one will.
constexpr int delivery_ms = 1'000, answer_ms = 1'500;
constexpr std::size_t taken_at_once = 10'000;

class channel final : public heartbeat_channel, private delivery_listener {
 public:
  channel(kafka_log_options options, std::string topic) : options_(std::move(options)), topic_(std::move(topic)) {}

  status open() {
    time_limit const limit(options_.timeout);
    WEIR_TRY(producer, client::open(RD_KAFKA_PRODUCER, options_,
                                    {{"linger.ms", "0"},
                                     {"acks", "all"},
                                     {"message.timeout.ms", std::to_string(delivery_ms)},
                                     {"socket.timeout.ms", std::to_string(delivery_ms)}},
                                    this));
    producer_ = std::move(producer);
    WEIR_TRY(to, producer_->topic(topic_, limit));
    to_ = std::move(to);
    WEIR_TRY(consumer, client::open(RD_KAFKA_CONSUMER, options_,
                                    {{"isolation.level", "read_uncommitted"},
                                     {"auto.offset.reset", "latest"},
                                     {"fetch.wait.max.ms", "500"},
                                     {"fetch.error.backoff.ms", "50"}}));
    consumer_ = std::move(consumer);
    WEIR_TRY(from, consumer_->topic(topic_, limit));
    from_ = std::move(from);
    WEIR_TRY(end, consumer_->offset_at(topic_, 0, partition_end, limit));
    queue_ = consumer_->make_queue();
    if (rd_kafka_consume_start_queue(from_.get(), 0, end.value_or(RD_KAFKA_OFFSET_END), queue_.get()) != 0)
      return fail(consumer_->failed("reading " + topic_, rd_kafka_last_error()));
    return {};
  }

  ~channel() override {
    if (queue_) rd_kafka_consume_stop(from_.get(), 0);
  }

  status send(std::string_view node, std::uint64_t incarnation) override {
    auto const value = std::to_string(incarnation);
    ++number_;
    outcome_.reset();
    auto* payload = const_cast<char*>(value.data());  // NOLINT: copied by the library
    if (rd_kafka_produce(to_.get(), 0, RD_KAFKA_MSG_F_COPY, payload, value.size(), node.data(), node.size(),
                         reinterpret_cast<void*>(number_)) != 0)
      return fail(producer_->failed("sending a heartbeat", rd_kafka_last_error()));
    rd_kafka_flush(producer_->get(), answer_ms);
    auto const code = outcome_.value_or(RD_KAFKA_RESP_ERR__TIMED_OUT);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(producer_->failed("sending a heartbeat", code));
    return {};
  }

  result<std::vector<heartbeat>> take() override {
    std::vector<heartbeat> out;
    while (out.size() < taken_at_once) {
      message_ptr const message(rd_kafka_consume_queue(queue_.get(), 0));
      if (!message) break;
      if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) continue;  // passing; the next heartbeats tell
      heartbeat h;
      h.node.assign(static_cast<const char*>(message->key), message->key_len);
      const auto* text = static_cast<const char*>(message->payload);
      std::from_chars(text, text + message->len, h.incarnation);
      rd_kafka_timestamp_type_t kind{};
      h.appended_ms = rd_kafka_message_timestamp(message.get(), &kind);
      if (kind == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME && h.incarnation > 0) out.push_back(std::move(h));
    }
    return out;
  }

 private:
  void delivered(const rd_kafka_message_t& message) override {
    if (reinterpret_cast<std::uintptr_t>(message._private) == number_) outcome_ = message.err;
  }

  kafka_log_options options_;
  std::string topic_;
  std::uintptr_t number_ = 0;  // of the heartbeat under way; reports of earlier ones may come late
  std::optional<rd_kafka_resp_err_t> outcome_;
  std::unique_ptr<client> producer_, consumer_;
  topic_ptr to_, from_;
  queue_ptr queue_;
};

}  // namespace

result<std::unique_ptr<heartbeat_channel>> open_kafka_heartbeats(kafka_log_options options, std::string topic) {
  auto made = std::make_unique<channel>(std::move(options), std::move(topic));
  WEIR_TRY_VOID(made->open());
  return std::unique_ptr<heartbeat_channel>(std::move(made));
}

}  // namespace weir

#include "runtime/log/kafka_consumers.hpp"

namespace weir::kafka {

result<std::unique_ptr<consumer>> consumer::open(const kafka_log_options& options) {
  // Consumption runs only while a fetch is under way, so the brokers need not hold requests back (fetch.wait.max.ms),
  // and the library must not stop fetching for a second because its queue is full (notes on queued.*): a fetch takes
  // messages out faster than they come, and stops by itself.
  WEIR_TRY(made, client::open(RD_KAFKA_CONSUMER, options,
                              {{"isolation.level", "read_committed"},
                               {"enable.partition.eof", "true"},
                               {"auto.offset.reset", "error"},
                               {"fetch.wait.max.ms", "0"},
                               {"fetch.error.backoff.ms", "10"},
                               {"fetch.message.max.bytes", "1048576"},
                               {"queued.min.messages", "10000000"}}));
  return std::unique_ptr<consumer>(new consumer(std::move(made)));
}

result<rd_kafka_topic_t*> consumer::topic(const topic_ref& topic, const time_limit& limit) {
  auto& known = topics_[topic->config.name];
  if (known.topic && known.of == topic) return known.topic.get();
  known = {};
  std::erase_if(topics_, [&](const auto& one) { return one.second.of && one.second.of->dropped; });
  WEIR_TRY(made, client_->topic(topic->config.name, limit));
  auto& added = topics_[topic->config.name];
  added = {topic, std::move(made)};
  return added.topic.get();
}

status consumer::start(rd_kafka_topic_t* topic, int partition, std::int64_t offset) {
  if (rd_kafka_consume_start_queue(topic, partition, offset, queue_.get()) == 0) return {};
  return fail(
      client_->failed(fmt::format("reading {}[{}]", rd_kafka_topic_name(topic), partition), rd_kafka_last_error()));
}

result<consumer_pool::lease> consumer_pool::take(const time_limit& limit) {
  std::unique_lock lock(mutex_);
  auto const free = [&] { return !free_.empty() || made_ < options_.max_fetches; };
  if (!given_back_.wait_for(lock, std::chrono::milliseconds(limit.left_ms()), free)) {
    return fail(errc::unavailable, "Kafka at {}: {} reads are under way, the most at once", options_.brokers,
                options_.max_fetches);
  }
  if (!free_.empty()) {
    auto taken = std::move(free_.back());
    free_.pop_back();
    return lease(*this, std::move(taken));
  }
  WEIR_TRY(made, consumer::open(options_));
  ++made_;
  return lease(*this, std::move(made));
}

void consumer_pool::give_back(std::unique_ptr<consumer> used) {
  {
    std::lock_guard const lock(mutex_);
    free_.push_back(std::move(used));
  }
  given_back_.notify_one();
}

}  // namespace weir::kafka

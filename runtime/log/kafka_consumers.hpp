// Consumers that fetches borrow: each belongs to one call at a time and keeps its connections in between.
#pragma once

#include <condition_variable>
#include <map>

#include "runtime/log/kafka_catalogue.hpp"

namespace weir::kafka {

class consumer {
 public:
  static result<std::unique_ptr<consumer>> open(const kafka_log_options& options);

  const client& connection() const { return *client_; }
  // The topic as this consumer knows it; asks the brokers the first time.
  result<rd_kafka_topic_t*> topic(const topic_ref& topic, const time_limit& limit);
  // From start() on messages of the partition come out of next(), from `offset` on.
  status start(rd_kafka_topic_t* topic, int partition, std::int64_t offset);
  message_ptr next(int wait_ms) { return message_ptr(rd_kafka_consume_queue(queue_.get(), wait_ms)); }
  static void stop(rd_kafka_topic_t* topic, int partition) { rd_kafka_consume_stop(topic, partition); }

 private:
  explicit consumer(std::unique_ptr<client> c) : client_(std::move(c)), queue_(client_->make_queue()) {}

  struct known_topic {
    topic_ref of;
    topic_ptr topic;
  };
  std::unique_ptr<client> client_;
  queue_ptr queue_;
  std::map<std::string, known_topic> topics_;
};

// Thread-safe.
class consumer_pool {
 public:
  explicit consumer_pool(const kafka_log_options& options) : options_(options) {}

  // Gives its consumer back at its end.
  class lease {
   public:
    lease(consumer_pool& pool, std::unique_ptr<consumer> held) : pool_(&pool), held_(std::move(held)) {}
    lease(lease&&) = default;
    ~lease() {
      if (held_) pool_->give_back(std::move(held_));
    }
    consumer* operator->() const { return held_.get(); }
    consumer& operator*() const { return *held_; }

   private:
    consumer_pool* pool_;
    std::unique_ptr<consumer> held_;
  };
  // Waits while all are out. errc::unavailable after the limit.
  result<lease> take(const time_limit& limit);

 private:
  void give_back(std::unique_ptr<consumer> used);

  const kafka_log_options& options_;
  std::mutex mutex_;
  std::condition_variable given_back_;
  std::vector<std::unique_ptr<consumer>> free_;
  int made_ = 0;
};

}  // namespace weir::kafka

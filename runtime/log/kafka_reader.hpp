// Reads one partition: committed entries only, up to the last stable offset.
#pragma once

#include "runtime/log/kafka_cluster.hpp"

namespace weir::kafka {

// Start and last stable offset of the partition.
result<log_bounds> bounds_of(cluster& brokers, const topic_ref& topic, int partition, const time_limit& limit);

// Whether reading can start at `from` without missing anything; errc::offset_out_of_range else.
status check_start(cluster& brokers, const topic_ref& topic, int partition, std::int64_t from);

// `from`, or the topic's beginning where deletions behind it may be gone.
result<std::int64_t> begin_of(cluster& brokers, const topic_ref& topic, int partition, std::int64_t from);

class reader final : public log_reader {
 public:
  reader(std::shared_ptr<cluster> brokers, topic_ref topic, int partition, std::int64_t from)
      : brokers_(std::move(brokers)), topic_(std::move(topic)), partition_(partition), position_(from) {}

  // An empty answer is as of a request that was sent after the call: what was committed before is not missed.
  result<std::vector<log_entry>> fetch(std::size_t max_bytes) override;
  std::int64_t position() const override { return position_; }

 private:
  struct taken {
    std::vector<log_entry> entries;
    std::size_t bytes = 0;
    bool at_end = false;
  };
  status take(rd_kafka_message_t& message, taken& so_far);
  status take_error(const client& from, rd_kafka_resp_err_t code, const time_limit& limit);
  status read(consumer& from, taken& so_far, std::size_t max_bytes, const time_limit& limit);

  std::shared_ptr<cluster> brokers_;
  topic_ref topic_;
  int partition_;
  std::int64_t position_;
  rd_kafka_resp_err_t trouble_ = RD_KAFKA_RESP_ERR_NO_ERROR;  // of this fetch
};

}  // namespace weir::kafka

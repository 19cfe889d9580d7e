#include "runtime/log/kafka_log.hpp"

#include "runtime/log/kafka_reader.hpp"
#include "runtime/log/kafka_writer.hpp"
#include "runtime/log/log_checks.hpp"

namespace weir {

namespace {

constexpr std::size_t largest_entry = (32U << 20) + (64U << 10);
constexpr std::size_t largest_commit = 1U << 30;

class kafka_log final : public event_log {
 public:
  explicit kafka_log(std::shared_ptr<kafka::cluster> brokers) : brokers_(std::move(brokers)) {}

  status create_topic(const topic_config& config) override {
    return brokers_->topics.create(config, brokers_->limit());
  }
  status drop_topic(std::string_view name) override {
    return brokers_->topics.drop(std::string(name), brokers_->limit());
  }
  result<std::vector<topic_config>> topics() override { return brokers_->topics.list(brokers_->limit()); }
  result<log_bounds> bounds(std::string_view topic, int partition) override {
    WEIR_TRY(found, find(topic, partition));
    return kafka::bounds_of(*brokers_, found, partition, brokers_->limit());
  }
  result<std::unique_ptr<log_reader>> read(std::string_view topic, int partition, std::int64_t from) override {
    WEIR_TRY(found, find(topic, partition));
    WEIR_TRY_VOID(kafka::check_start(*brokers_, found, partition, from));
    return std::make_unique<kafka::reader>(brokers_, std::move(found), partition, from);
  }
  result<std::int64_t> begin_of(std::string_view topic, int partition, std::int64_t offset) override {
    WEIR_TRY(found, find(topic, partition));
    return kafka::begin_of(*brokers_, found, partition, offset);
  }
  result<std::unique_ptr<log_writer>> open_writer(std::string_view id) override {
    WEIR_TRY_VOID(check_writer_id(id));
    return kafka::writer::open(brokers_, std::string(id));
  }
  std::size_t max_entry_bytes() const override { return brokers_->options.max_entry_bytes; }

 private:
  result<kafka::topic_ref> find(std::string_view topic, int partition) const {
    WEIR_TRY(found, brokers_->topics.find(topic, brokers_->limit()));
    if (!found || partition < 0 || partition >= found->config.partitions)
      return fail(no_such_partition(topic, partition));
    return found;
  }

  std::shared_ptr<kafka::cluster> brokers_;
};

template <class T>
status check_range(std::string_view name, T value, T least, T most) {
  if (value >= least && value <= most) return {};
  return fail(errc::invalid_argument, "Kafka log: {} is {}; write {} to {}", name, value, least, most);
}

status check_options(const kafka_log_options& options) {
  if (options.brokers.empty()) return fail(errc::invalid_argument, "Kafka log: no brokers; write host:port");
  WEIR_TRY_VOID(check_range("replication", options.replication, 1, 100));
  WEIR_TRY_VOID(check_range("min_insync", options.min_insync, 1, options.replication));
  WEIR_TRY_VOID(check_range<std::size_t>("max_entry_bytes", options.max_entry_bytes, 1024, largest_entry));
  WEIR_TRY_VOID(check_range("max_commit_bytes", options.max_commit_bytes, options.max_entry_bytes, largest_commit));
  WEIR_TRY_VOID(check_range<std::int64_t>("timeout in ms", options.timeout.count(), 100, 600'000));
  WEIR_TRY_VOID(
      check_range<std::int64_t>("transaction_timeout in ms", options.transaction_timeout.count(), 1'000, 900'000));
  WEIR_TRY_VOID(check_range<std::int64_t>("tombstone_keep_ms", options.tombstone_keep_ms, 0, 1LL << 40));
  return check_range("max_fetches", options.max_fetches, 1, 1024);
}

}  // namespace

result<std::unique_ptr<event_log>> open_kafka_log(kafka_log_options options) {
  WEIR_TRY_VOID(check_options(options));
  WEIR_TRY(brokers, kafka::admin::open(options));
  auto const shared = std::make_shared<kafka::cluster>(std::move(options), std::move(brokers));
  WEIR_TRY(topics,
           shared->topics.list(shared->limit()));  // that they answer; and every topic's settings in one request
  return std::make_unique<kafka_log>(shared);
}

}  // namespace weir

#include "runtime/log/kafka_groups.hpp"

#include "runtime/log/kafka_admin.hpp"

namespace weir {

namespace {

class groups final : public kafka_groups {
 public:
  groups(kafka_log_options options, std::unique_ptr<kafka::admin> brokers)
      : options_(std::move(options)), brokers_(std::move(brokers)) {}

  status write(const std::string& group, const std::vector<group_offset>& offsets) override {
    if (offsets.empty()) return {};
    kafka::partitions_ptr const list(rd_kafka_topic_partition_list_new(static_cast<int>(offsets.size())));
    for (auto const& one : offsets)
      rd_kafka_topic_partition_list_add(list.get(), one.topic.c_str(), one.partition)->offset = one.offset;
    return brokers_->set_group_offsets(group, *list, kafka::time_limit(options_.timeout));
  }
  status remove(const std::string& group) override {
    return brokers_->remove_group(group, kafka::time_limit(options_.timeout));
  }

 private:
  kafka_log_options options_;
  std::unique_ptr<kafka::admin> brokers_;
};

}  // namespace

result<std::unique_ptr<kafka_groups>> open_kafka_groups(kafka_log_options options) {
  WEIR_TRY(brokers, kafka::admin::open(options));
  return std::make_unique<groups>(std::move(options), std::move(brokers));
}

}  // namespace weir

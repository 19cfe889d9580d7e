// Topics of the brokers: listed, described, made, changed, deleted.
#pragma once

#include <functional>
#include <optional>

#include "runtime/log/kafka_client.hpp"
#include "runtime/log/kafka_settings.hpp"

namespace weir::kafka {

class admin {
 public:
  static result<std::unique_ptr<admin>> open(const kafka_log_options& options);

  // Topics whose names begin with the prefix, without their settings.
  result<std::vector<found_topic>> list(std::string_view prefix, const time_limit& limit) const;
  // The topic with its settings; none when there is no such topic.
  result<std::optional<found_topic>> find(const std::string& name, const time_limit& limit) const;
  // Fills in the settings. Topics that were deleted meanwhile are left out.
  status describe(std::vector<found_topic>& topics, const time_limit& limit) const;

  // errc::already_exists when it does. Returns when every partition has a leader and every broker has heard of it.
  status create(const topic_config& config, int replication, const std::vector<topic_setting>& settings,
                const time_limit& limit) const;
  // Gives the settings that follow their wanted value; the topic's other own settings stay. Returns when every broker
  // has heard of it.
  status change(const found_topic& found, const std::vector<topic_setting>& wanted, const time_limit& limit) const;
  // errc::not_found when there is none. Returns when no broker knows it any longer.
  status remove(const std::string& name, const time_limit& limit) const;

  // Sees what is not yet committed too.
  const client& connection() const { return *client_; }

 private:
  explicit admin(std::unique_ptr<client> c) : client_(std::move(c)) {}
  // One request; `send` hands it to the library with the options and the queue for its answer.
  result<event_ptr> ask(rd_kafka_admin_op_t kind, std::string_view what, const time_limit& limit,
                        const std::function<void(rd_kafka_AdminOptions_t*, rd_kafka_queue_t*)>& send) const;
  // Partitions and copies; none when there is no such topic, -1 partitions while one has no leader.
  result<std::optional<found_topic>> shape_of(const std::string& name, const time_limit& limit) const;
  status describe_at(int broker, std::vector<found_topic>& topics, const time_limit& limit) const;
  // Whether each broker's word on the topic (none: it knows no such topic) is as wanted; those that are away for long
  // are not waited for.
  result<bool> each_says(const std::string& name, const time_limit& limit,
                         const std::function<bool(const found_topic*)>& as_wanted) const;
  // Asks again until the brokers agree: they hear of a change one after the other.
  status wait(std::string_view what, const time_limit& limit, const std::function<result<bool>()>& agree) const;

  std::unique_ptr<client> client_;
};

}  // namespace weir::kafka

// The topics that this process has met, so that a commit or a fetch need not ask the brokers.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>

#include "runtime/log/kafka_admin.hpp"

namespace weir::kafka {

// One incarnation of a topic: a later one of the same name is another object.
struct topic_state {
  topic_config config;
  bool checked = false;  // made by us, or found to be as it must
  std::atomic<bool> dropped = false;
  const std::chrono::steady_clock::time_point met_at = std::chrono::steady_clock::now();
};
using topic_ref = std::shared_ptr<topic_state>;

// Thread-safe.
class catalogue {
 public:
  catalogue(const kafka_log_options& options, const admin& brokers) : options_(options), brokers_(brokers) {}

  // None when there is no such topic; asks the brokers for one that it has not met.
  result<topic_ref> find(std::string_view name, const time_limit& limit);
  status create(const topic_config& config, const time_limit& limit);
  status drop(const std::string& name, const time_limit& limit);
  result<std::vector<topic_config>> list(const time_limit& limit);
  // Whether others have dropped it, which a broker's word alone may say too early; then it is forgotten.
  bool is_gone(const topic_ref& topic, const time_limit& limit);

 private:
  void forget(const topic_ref& topic);
  topic_ref met(std::string_view name);
  topic_ref meet(const found_topic& found);
  bool was_dropped_lately(std::string_view name);
  std::vector<topic_config> not_yet_heard_of(const std::vector<found_topic>& listed);

  const kafka_log_options& options_;
  const admin& brokers_;
  std::mutex changes_;  // one creation, removal or list at a time
  std::mutex mutex_;
  std::map<std::string, topic_ref, std::less<>> topics_;
  std::map<std::string, std::chrono::steady_clock::time_point, std::less<>> dropped_at_;  // a moment ago
};

}  // namespace weir::kafka

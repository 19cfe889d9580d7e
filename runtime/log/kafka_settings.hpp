// The settings that a topic of ours has in Kafka, and what is wrong with one that exists.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runtime/log/kafka_log.hpp"

namespace weir::kafka {

struct topic_setting {
  enum class rule : std::uint8_t {
    equal,     // another value is wrong
    at_least,  // a smaller number is wrong
    follows,   // another value is changed to this one
    at_first,  // given to a new topic, then the operator's
  };
  std::string name, value;
  rule is = rule::equal;
};

// A topic as the brokers describe it.
struct found_topic {
  struct setting {
    std::string value;
    bool own = false;  // set on the topic itself, not a default
  };
  std::string name;
  int partitions = 0;
  int replicas = 0;  // of the partition that has the fewest
  std::map<std::string, setting> settings;
};

std::vector<topic_setting> wanted_settings(const topic_config& config, const kafka_log_options& options);
topic_config config_of(const found_topic& found);
// errc::conflict, with the command that mends it, for a topic that does not hold what it must.
status check_settings(const found_topic& found, const topic_config& asked, const kafka_log_options& options);
// Whether a setting that follows what is asked has another value.
bool has_to_follow(const found_topic& found, const std::vector<topic_setting>& wanted);

}  // namespace weir::kafka

// Offsets of Kafka's consumer groups, for lag tools (kafka-consumer-groups.sh): written, and never read back by weir.
//
// No member ever joins these groups: a commit of somebody who does not belong to a group with members is refused by the
// brokers (errc::unavailable, with their words).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/log/kafka_log.hpp"

namespace weir {

struct group_offset {
  std::string topic;
  int partition = 0;
  std::int64_t offset = 0;  // of the first entry that the group has not passed

  bool operator==(const group_offset&) const = default;
};

// Thread-safe. Every call ends within the options' timeout.
class kafka_groups {
 public:
  virtual ~kafka_groups() = default;
  // Makes the group when there is none. Partitions that are not named keep their offsets.
  virtual status write(const std::string& group, const std::vector<group_offset>& offsets) = 0;
  // Forgets the group and its offsets; not an error when there is none.
  virtual status remove(const std::string& group) = 0;
};

// Errors: invalid_argument. It connects when it is first used.
result<std::unique_ptr<kafka_groups>> open_kafka_groups(kafka_log_options options);

}  // namespace weir

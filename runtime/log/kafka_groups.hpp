// Offsets of Kafka's consumer groups, for lag tools (kafka-consumer-groups.sh): written, and never read back by weir.
//
// No member ever joins these groups. A group that is no longer written stays until the brokers forget it
// (offsets.retention.minutes, a week by default): the request that would remove it at once can end the process.
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

// Used by one thread at a time.
class kafka_groups {
 public:
  virtual ~kafka_groups() = default;
  // Makes the group when there is none; partitions that are not named keep their offsets. Ends within the options'
  // timeout; after an error some of the offsets may be written, now or later.
  virtual status write(const std::string& group, const std::vector<group_offset>& offsets) = 0;
};

// It connects when it is first used, with a client of the library for each of the groups that were written last.
std::unique_ptr<kafka_groups> make_kafka_groups(kafka_log_options options);

}  // namespace weir

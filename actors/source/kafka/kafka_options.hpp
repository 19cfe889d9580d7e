// The options of a Kafka source.
#pragma once

#include <optional>

#include "actors/source/connector.hpp"

namespace weir {

// Where a partition is opened that was never read.
struct topic_start {
  enum class kind : std::uint8_t { earliest, latest, offset, time };
  kind from = kind::earliest;
  std::int64_t offset = 0;   // kind::offset
  std::int64_t time_us = 0;  // kind::time
};

struct kafka_options {
  std::string brokers, topic;
  std::optional<int> partition;  // none: the whole topic, whose partitions are sources of their own
  topic_start start;
  std::string header;                        // CSV
  std::string key_column, timestamp_column;  // JSON; empty: none
  bool tombstones_are_dead_letters = true;
};

const connector_kind& kafka_connector_kind();
// invalid_argument, permission_denied (brokers that are not in the list).
result<kafka_options> read_kafka_options(const source_spec& spec, const connector_context& context);

}  // namespace weir

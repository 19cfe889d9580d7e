// Reads one partition of an external topic. The position is its offset, which ingest commits with the records, so a
// record enters exactly once, on any log. A position that the topic no longer holds, a topic that is gone or is another
// now: the source fails, says what is lost, and reads nothing until somebody decides.
#pragma once

#include "actors/source/connector.hpp"
#include "actors/source/kafka/kafka_options.hpp"

namespace weir {

result<std::unique_ptr<connector>> make_kafka_connector(const source_spec& spec, const connector_context& context);

// What a topic's source asks now and then (cluster/topic_sources.hpp).
struct topic_look {
  int partitions = 0;
  std::vector<std::int64_t> starts;  // of partitions that open for the first time; empty: earliest
};
// `first`: its partitions were never opened, so they start where the options say. Asks the brokers.
result<topic_look> look_at_topic(const source_spec& spec, const connector_context& context, bool first);

}  // namespace weir

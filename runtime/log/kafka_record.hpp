// How an entry lies in Kafka: key, value (null: a tombstone) and, in one Kafka header named `weir`, its timestamp and
// header: eight bytes of microseconds, big-endian, then the header as it is; nothing where both are empty. A record
// without it, of another producer, has Kafka's own timestamp and no header.
#pragma once

#include "runtime/log/kafka_client.hpp"

namespace weir::kafka {

inline constexpr char header_name[] = "weir";
// What one entry takes in a stored batch beside its key, value and header, at most, the batch's own head included.
inline constexpr std::size_t entry_overhead = 1024;

// Writes the Kafka header's value into `out`.
void encode_header(const log_append& entry, std::string& out);
// A consumed message without an error. errc::corrupt for a header of ours that breaks off.
result<log_entry> to_entry(rd_kafka_message_t& message, std::string_view topic);

}  // namespace weir::kafka

// How an entry lies in Kafka: key, value (null: a tombstone) and, in one Kafka header named `weir`, its timestamp and
// header: eight bytes of microseconds, big-endian, then the header as it is; nothing where both are empty. A record
// without it, of another producer, has Kafka's own timestamp and no header.
#pragma once

#include "runtime/log/kafka_client.hpp"

namespace weir::kafka {

inline constexpr char header_name[] = "weir";
// What one entry takes in a stored batch beside its key, value and header, at most, the batch's own head included.
inline constexpr std::size_t entry_overhead = 1024;

// The Kafka header of an entry, made here: the library (2.0.2, issue 4627) frees one that it makes itself twice when it
// refuses the entry.
headers_ptr headers_of(const log_append& entry);
// A consumed message without an error. errc::corrupt for a header of ours that breaks off.
result<log_entry> to_entry(rd_kafka_message_t& message, std::string_view topic);

}  // namespace weir::kafka

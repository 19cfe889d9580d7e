// What every log refuses before it touches anything, so that all of them refuse the same.
#pragma once

#include "runtime/log/log.hpp"

namespace weir {

// The most partitions one topic may have.
inline constexpr int max_topic_partitions = 1024;

// errc::invalid_argument, naming the field, for a name, a partition count or a retention that no log takes.
status check_topic_config(const topic_config& config);
status check_writer_id(std::string_view id);
// An existing topic against what create_topic() asks for: errc::conflict for other partitions or another kind.
status check_same_topic(const topic_config& existing, const topic_config& asked);
// One entry for a topic that exists: errc::rejected for a partition it does not have, a missing key in a compacted
// topic, a tombstone in an append topic, or more than max_entry_bytes.
status check_append(const log_append& entry, const topic_config& topic, std::size_t max_entry_bytes);
// The error for an entry whose topic the log does not have (errc::rejected).
error unknown_topic(std::string_view topic);
// The error for reading a topic or a partition that the log does not have (errc::not_found).
error no_such_partition(std::string_view topic, int partition);

// errc::offset_out_of_range unless `from` lies between the partition's start and end.
status check_position(std::string_view topic, int partition, log_bounds held, std::int64_t from);

}  // namespace weir

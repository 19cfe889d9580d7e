// A source that is a whole external topic stands for one source per partition: each has its own order, position and
// clock, and lives in the shard of its name. The topic's own record has no records and no clock; its actor asks for the
// number of partitions now and then, and opens those that are new.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cluster/control_state.hpp"

namespace weir {

inline constexpr const char* kafka_connector = "kafka";
inline constexpr const char* partition_option = "partition";    // of a partition's source
inline constexpr const char* partitions_option = "partitions";  // of the topic's: how many were opened
inline constexpr const char* start_option = "from";

bool is_topic_source(const source_record& source);
// How many of its partitions were opened so far; 0: none yet.
int opened_partitions(const source_record& topic);
std::string partition_source_name(std::string_view topic_source, int partition);
// The sources of the topic's partitions.
std::vector<const source_record*> partitions_of(const control_state& state, const source_record& topic);
// The topic's source that this one is a partition of; none: it stands for itself.
const source_record* topic_of(const control_state& state, const source_record& partition);
// Equal but for what weir itself has written into the options.
bool same_options(const source_record& a, const source_record& b);

// Opens the partitions 0 to partitions - 1 that are not there. `starts`: where to begin, for partitions of a topic of
// which none was opened yet; a later one, and one that was removed, begins at its earliest record. No records: nothing
// is new. cancelled: the source is not the one that was asked for. conflict: the topic has fewer partitions than it
// had.
result<std::vector<control_record>> open_partitions(const control_plan& plan, std::string_view topic_source,
                                                    std::uint64_t incarnation, int partitions,
                                                    const std::vector<std::int64_t>& starts,
                                                    const control_limits& limits);

}  // namespace weir

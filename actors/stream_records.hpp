// A stream's records as people look at them: the newest page, and the pages before it.
#pragma once

#include <nlohmann/json.hpp>

#include "actors/gateway/node_api.hpp"
#include "runtime/log/log.hpp"

namespace weir {

// {"items":[{"source","sequence","event_time","arrival","late","shard","record"}],"next":token or null}, newest arrival
// first; within one arrival the last record first. A page ends early when its records are over 16 MiB together.
result<nlohmann::json> read_stream_records(event_log& log, std::string_view topic, int shards, const page_request& page,
                                           std::size_t most);

}  // namespace weir

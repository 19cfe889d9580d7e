// What was refused, from the newest back: records that no row could be made of (<app>.dead.<stream>), rows that a view
// could not compute (<app>.refused.<view>) and records that came too late for one (<app>.late.<view>).
#pragma once

#include <nlohmann/json.hpp>

#include "actors/gateway/node_api.hpp"
#include "runtime/log/log.hpp"

namespace weir {

struct dead_letter {
  std::string reason, source;
  std::uint64_t sequence = 0;
  std::string record;           // original bytes
  std::string format, context;  // what is needed to read them again, where the source gave it (CSV: the header)
  nlohmann::json shown;         // as the API shows it
};

// {"items":[{"id","reason","source","sequence","event_time","time","record"}],"next"}. A page ends early when its
// records are over 16 MiB together.
result<nlohmann::json> read_dead_letters(event_log& log, std::string_view topic, int shards, const page_request& page,
                                         std::size_t most);

// id: "shard-offset". invalid_argument: no such form; not_found: nothing has it (any more).
result<dead_letter> read_dead_letter(event_log& log, std::string_view topic, int shards, std::string_view id);

}  // namespace weir

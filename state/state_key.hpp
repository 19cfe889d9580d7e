// Names of state entries: what a changelog entry or a RocksDB entry belongs to.
//
//   <pipeline> 00 <incarnation, 8 bytes big-endian> <kind> <rest>
//
// A pipeline's incarnation is the control log's (it rises when the pipeline is replaced or reset), so state of an older
// one is never read again. Ingest's pipeline name is empty, its incarnation 0.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weir {

inline std::string state_prefix(std::string_view pipeline, std::uint64_t incarnation) {
  std::string out(pipeline);
  out.push_back('\0');
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(incarnation >> shift));
  return out;
}

// Kinds of entries behind the prefix.
inline constexpr char state_of_task = 't';     // positions and clocks of a pipeline's task
inline constexpr char state_of_view = 'v';     // <view> 00 <operator's own key>
inline constexpr char state_of_input = 'u';    // <upsert view of another pipeline> 00 <row key>: the row as last seen
inline constexpr char state_of_stream = 's';   // ingest: <stream>
inline constexpr char state_of_source = 'c';   // ingest: <source>
inline constexpr char state_of_request = 'k';  // ingest: <source> 00 <idempotency key>

}  // namespace weir

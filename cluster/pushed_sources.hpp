// Sources that nobody reads: clients bring their records by POST. One that a request names opens with its first
// request. Requests that name none go to sixteen virtual sources of their stream, which open together (PROTOCOL 15).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cluster/control_state.hpp"

namespace weir {

inline constexpr std::string_view http_connector = "http";
inline constexpr int virtual_sources = 16;

std::string virtual_source_name(std::string_view stream, int number);
// What the virtual sources of a stream are called together; empty: this is none of them.
std::string virtual_group_of(const source_record& source);
// Which of them takes a request: by its key alone, so that it is the same on any number of shards.
std::string virtual_source_of(std::string_view stream, std::string_view key, int shards);

// Opens what a POST to the source needs: the source, or all virtual ones where it is one of them. No records: it is
// open. conflict: the name belongs to a source of another kind or stream, or to one that is paused.
result<std::vector<control_record>> open_pushed_source(const control_plan& plan, std::string_view stream,
                                                       std::string_view source, const control_limits& limits);

}  // namespace weir

// Topic filters as a user writes them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/result.hpp"

namespace weir::mqtt {

inline constexpr std::size_t max_filters = 64;

// "a/+/c, d/#": filters between commas, each checked by the standard's rules. errc::invalid_argument.
result<std::vector<std::string>> parse_filters(std::string_view text);

// The topics of a shared subscription ($share/GROUP/FILTER) as a filter of one's own; any other filter as it is.
std::string without_group(std::string_view filter);

}  // namespace weir::mqtt

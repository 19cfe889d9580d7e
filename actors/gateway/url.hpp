// Paths and queries of URLs (RFC 3986), decoded. Errors are invalid_argument.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/result.hpp"

namespace weir {

result<std::string> percent_decode(std::string_view text, bool plus_is_space = false);

// "/v1/streams/a%2Fb" is {"v1","streams","a/b"}; "/" is {}.
result<std::vector<std::string>> split_path(std::string_view path);

using query_parameters = std::vector<std::pair<std::string, std::string>>;
result<query_parameters> parse_query(std::string_view query);

}  // namespace weir

// Checks a request's body against its schema from the OpenAPI description, so that the description is what is enforced.
// Understands what schemas() uses: $ref, type, properties, required, additionalProperties, items, enum, minLength,
// maxLength, minItems, maxItems, anyOf (the first alternative whose required members are there, else the last).
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "runtime/result.hpp"

namespace weir {

inline constexpr std::size_t max_json_depth = 32;

// Errors: parse_error with line and column; invalid_argument when nested deeper than max_json_depth.
result<nlohmann::json> parse_json(std::string_view text);

// invalid_argument names the place ("/sources/0/name"), what was found and what is allowed.
status check_json(const nlohmann::json& value, const nlohmann::json& schema);

}  // namespace weir

// The JSON schemas of requests and answers: components of the OpenAPI description.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace weir {

// name -> schema; they refer to each other as "#/components/schemas/<name>".
const nlohmann::json& schemas();

nlohmann::json schema_reference(std::string_view name);

// Follows a $ref; anything else stays as it is.
const nlohmann::json& resolve_schema(const nlohmann::json& schema);

}  // namespace weir

// The OpenAPI 3.1 description of the gateway, from its route table and schemas.
#pragma once

#include <nlohmann/json.hpp>

namespace weir {

nlohmann::json openapi_description();

}  // namespace weir

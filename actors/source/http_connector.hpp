// The kind of source that clients fill: POST /v1/streams/{stream}/records?source=NAME. Nothing of it can be read, so
// its connector only says how its records come.
#pragma once

#include <memory>

#include "actors/source/connector.hpp"

namespace weir {

const connector_kind& http_connector_kind();
result<std::unique_ptr<connector>> make_http_connector(const source_spec& spec, const connector_context& context);

}  // namespace weir

// What a connector knows of a record beside its bytes, put in front of a JSON object as fields: where the object names
// one of them too, the first counts.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/source/connector.hpp"
#include "runtime/result.hpp"

namespace weir {

// "name":value, ready for put_in_front(); both are JSON already.
void add_front_field(std::string& fields, std::string_view name_json, std::string_view value_json);
// `fields` is not empty. What is no JSON object stays as it is.
std::string put_in_front(std::string_view record, std::string_view fields);

// Whether the option names a column that a field in front can fill: the stream is JSON, the name short and plain.
status check_front_column(const source_spec& spec, const connector_context& context, std::string_view option,
                          std::string_view column);

}  // namespace weir

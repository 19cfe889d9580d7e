#include "runtime/batch/schema.hpp"

namespace weir {

std::string_view to_string(data_type type) {
  switch (type) {
    case data_type::boolean: return "boolean";
    case data_type::bigint: return "bigint";
    case data_type::double_precision: return "double precision";
    case data_type::text: return "text";
    case data_type::timestamptz: return "timestamptz";
    case data_type::interval: return "interval";
    case data_type::json: return "json";
    case data_type::bytea: return "bytea";
  }
  return "?";
}

std::optional<std::size_t> schema::find(std::string_view name) const {
  for (std::size_t i = 0; i < fields.size(); ++i)
    if (fields[i].name == name) return i;
  return std::nullopt;
}

}  // namespace weir

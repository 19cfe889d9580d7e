#include "runtime/sql/bound.hpp"

#include <fmt/format.h>

namespace weir {

std::optional<std::size_t> input_scope::find(std::string_view name) const {
  for (std::size_t i = 0; i < columns_.size(); ++i)
    if (columns_[i].name == name) return i;
  return std::nullopt;
}

std::size_t input_scope::use(std::size_t column_index) {
  used_.resize(columns_.size());
  if (!used_[column_index]) {
    const auto& c = columns_[column_index];
    used_[column_index] = used_fields_.size();
    used_fields_.push_back({c.name, c.type, c.not_null});
    used_origins_.push_back(c.from);
  }
  return *used_[column_index];
}

schema_ptr grouping::columns() const {
  schema out;
  for (std::size_t i = 0; i < keys.size(); ++i) out.fields.push_back({keys[i].name, keys[i].value.type(), false});
  if (windowed) {
    out.fields.push_back({"window_start", data_type::timestamptz, true});
    out.fields.push_back({"window_end", data_type::timestamptz, true});
  }
  for (std::size_t i = 0; i < aggregates.size(); ++i)
    out.fields.push_back({fmt::format("aggregate_{}", i), aggregates[i].type, false});
  return std::make_shared<const schema>(std::move(out));
}

}  // namespace weir

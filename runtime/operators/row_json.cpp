#include "runtime/operators/row_json.hpp"

#include <fmt/format.h>

namespace weir {

std::string row_json(const record_batch& rows, std::size_t row) {
  std::string out = "{";
  for (std::size_t c = 0; c < rows.columns.size(); ++c) {
    const auto& values = *rows.columns[c];
    out += fmt::format("{}\"{}\":", c == 0 ? "" : ",", rows.columns_schema->fields[c].name);
    if (values.is_null(row))
      out += "null";
    else if (is_text_like(values.type()))
      out += fmt::format("\"{}\"", values.text(row));
    else if (values.type() == data_type::double_precision)
      out += fmt::format("{}", values.doubles()[row]);
    else
      out += fmt::format("{}", values.ints()[row]);
  }
  return out + "}";
}

}  // namespace weir

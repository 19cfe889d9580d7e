// A row as a JSON object: what stands for the original bytes of a row that never had any.
#pragma once

#include <string>

#include "runtime/format/json_writer.hpp"

namespace weir {

inline std::string row_json(const record_batch& rows, std::size_t row) {
  std::string out;
  append_json_row(out, rows, row);
  return out;
}

}  // namespace weir

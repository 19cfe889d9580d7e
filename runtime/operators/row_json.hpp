// A row as a JSON object: what stands for the original bytes of a row that never had any.
#pragma once

#include <string>

#include "runtime/batch/column.hpp"

namespace weir {

std::string row_json(const record_batch& rows, std::size_t row);

}  // namespace weir

// Rows to CSV (RFC 4180), for exports.
#pragma once

#include <cstddef>
#include <string>

#include "runtime/batch/column.hpp"

namespace weir {

// The header line and one row, each ended by CRLF. The csv decoder gives the same rows back: null is an empty cell, the
// empty text a quoted empty cell; values are spelled as in JSON, without quotes unless the cell needs them. (A null in
// the only column is an empty line, which readers skip.)
void append_csv_header(std::string& out, const schema& columns_schema, char delimiter = ',');
void append_csv_row(std::string& out, const record_batch& rows, std::size_t row, char delimiter = ',');

}  // namespace weir

// One value of a column as bytes, exactly: unlike a key (runtime/batch/key_codec.hpp) it keeps -0.0 and a NaN's bits.
#pragma once

#include <string>

#include "runtime/batch/column.hpp"
#include "runtime/operators/byte_codec.hpp"

namespace weir {

void put_value(std::string& out, const column& values, std::size_t row);
// Appends the value to `out`, whose type says what to expect; a reader that fails leaves `out` as it was.
void read_value(byte_reader& in, column& out);

// All columns of a row, one behind the other.
void put_row(std::string& out, const record_batch& rows, std::size_t row);

}  // namespace weir

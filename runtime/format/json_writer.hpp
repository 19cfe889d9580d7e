// Rows to compact JSON, as view topics, REST and WebSocket carry them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "runtime/batch/column.hpp"

namespace weir {

// One row as a JSON object without blanks or newlines, fields in the schema's order. Read back by the json decoder with
// the same schema (and timestamps as ISO texts) it gives the same row, bit for bit, except that a NaN loses its payload
// and a json value that is the word null comes back as null. Doubles: the shortest decimal that reads back the same,
// -0.0 as -0.0, and the texts "NaN", "Infinity", "-Infinity"; null as null; json as it is, newlines as blanks.
void append_json_row(std::string& out, const record_batch& rows, std::size_t row);
// One value as above.
void append_json_value(std::string& out, const column& values, std::size_t row);
// Quotes and escapes. Bytes above 0x7f are copied: `text` is valid UTF-8.
void append_json_string(std::string& out, std::string_view text);

// Bytes as \x and hex digits.
void append_bytea_text(std::string& out, std::string_view bytes);

// What a value is as text without quotes (CSV, casts to text); nothing for null.
void append_value_text(std::string& out, const column& values, std::size_t row);

}  // namespace weir

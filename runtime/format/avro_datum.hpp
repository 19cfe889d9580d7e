// Avro's binary encoding of one value.
#pragma once

#include <string>
#include <string_view>

#include "runtime/format/avro_schema.hpp"
#include "runtime/result.hpp"

namespace weir {

// The value as JSON: records and maps are objects, enums texts, unions their value; bytes are \x and hex digits as
// text; dates and timestamps ISO texts, decimals numbers; what no JSON number can say (NaN, infinities) is a word, as
// weir's own JSON has it. errc::parse_error, limit_exceeded (a bomb: nested deeper than 64, or more than 64 KiB and 256
// bytes of JSON for each of its own).
status avro_to_json(const avro_type& type, std::string_view datum, std::string& out);

}  // namespace weir

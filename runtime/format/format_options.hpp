// The options of a format, read once from their texts.
#pragma once

#include <string>

#include "runtime/format/record_decoder.hpp"
#include "runtime/format/text_value.hpp"
#include "runtime/result.hpp"

namespace weir {

enum class format_kind : std::uint8_t { json, csv, isd, raw, avro };

struct format_options {
  format_kind kind = format_kind::json;
  timestamp_numbers timestamps = timestamp_numbers::refused;
  char delimiter = ',';
};

// invalid_argument for an unknown format, an option the format does not know, or a value it cannot have.
result<format_options> read_format_options(const format_spec& spec);

}  // namespace weir

// The options of a format, read once from their texts.
#pragma once

#include <string>

#include "runtime/format/record_decoder.hpp"
#include "runtime/format/text_value.hpp"
#include "runtime/result.hpp"

namespace weir {

enum class format_kind : std::uint8_t { json, csv, isd, raw, avro, protobuf };

struct format_options {
  format_kind kind = format_kind::json;
  timestamp_numbers timestamps = timestamp_numbers::refused;
  char delimiter = ',';
  std::string descriptors, message;  // protobuf: the file with the descriptor set, and the message's full name
  std::string descriptor_set;        // its bytes; not in SQL, the command that made the stream has read them
  bool framed = false;               // protobuf: in Confluent's framing
};

// What the command that made a stream or view has found out and its SQL does not say stands among the format's options
// too: a descriptor set's bytes (as \x and hex digits), the number that the schema of a view's rows has, and of its
// keys.
inline constexpr auto descriptor_set_option = "descriptor_set", schema_id_option = "schema_id",
                      key_schema_id_option = "key_schema_id";
// Without that.
format_spec declared_format(format_spec spec);

// invalid_argument for an unknown format, an option the format does not know, or a value it cannot have.
result<format_options> read_format_options(const format_spec& spec);

}  // namespace weir

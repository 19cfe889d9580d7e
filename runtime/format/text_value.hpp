// Text to a typed value: one converter for CSV cells, ISD fields and SQL casts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/batch/column.hpp"
#include "runtime/excerpt.hpp"
#include "runtime/result.hpp"

namespace weir {

// How a number in a timestamptz column is read: the option `timestamps`, where iso refuses numbers.
enum class timestamp_numbers : std::uint8_t { refused, seconds, milliseconds, microseconds };

// "iso", "s", "ms", "us"; none for any other word.
std::optional<timestamp_numbers> find_timestamp_numbers(std::string_view option);

// Converts `text` to out.type() and pushes exactly one value; pushes nothing when it fails. Accepted, by type:
//   boolean           true, false, t, f, yes, no, on, off, 1, 0 in any case
//   bigint            decimal integer with an optional sign; 1.0 and what does not fit 64 bits are errors
//   double precision  decimal number with an optional sign and exponent, NaN, [+-]Infinity, [+-]inf in any case; beyond
//   the
//                     range of a double is an error, closer to zero than any double is zero
//   text              valid UTF-8, as it is (also the empty text)
//   timestamptz       parse_timestamp(), or a number as `numbers` says
//   interval          parse_interval()
//   json              valid JSON text, kept as it is
//   bytea             \x and an even number of hex digits
// Blanks around everything but text and json are ignored. Errors (parse_error) name what was found and what was
// expected.
status push_text_value(column& out, std::string_view text, timestamp_numbers numbers = timestamp_numbers::refused);

// The single conversions, for callers that have no column.
result<double> parse_double(std::string_view text);
result<std::int64_t> parse_bigint(std::string_view text);
result<std::string> parse_bytea(std::string_view text);
// A number in the unit of `numbers` to microseconds, rounded to the nearest; an error outside the years 1 to 9999.
result<std::int64_t> timestamp_from_number(double value, timestamp_numbers numbers);
result<std::int64_t> timestamp_from_number(std::int64_t value, timestamp_numbers numbers);

bool is_valid_utf8(std::string_view bytes);

}  // namespace weir

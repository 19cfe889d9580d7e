#include "runtime/format/json_writer.hpp"

#include <array>
#include <charconv>
#include <cmath>

#include "runtime/time/timestamp.hpp"

namespace weir {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

template <class T>
void append_number(std::string& out, T value) {
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

void append_double(std::string& out, double value) {
  if (std::isnan(value))
    out += "NaN";
  else if (std::isinf(value))
    out += value < 0 ? "-Infinity" : "Infinity";
  else if (value == 0 && std::signbit(value))
    out += "-0.0";  // many readers take -0 for an integer
  else
    append_number(out, value);
}

void append_hex(std::string& out, std::string_view bytes) {
  for (const char c : bytes) {
    const auto b = static_cast<unsigned char>(c);
    out += hex_digits[b >> 4];
    out += hex_digits[b & 15];
  }
}

// A newline can only stand between the tokens of valid JSON, where a blank means the same; records end at newlines.
void append_json_line(std::string& out, std::string_view json) {
  const std::size_t start = out.size();
  out.append(json);
  for (std::size_t i = start; i < out.size(); ++i)
    if (out[i] == '\n' || out[i] == '\r') out[i] = ' ';
}

void append_escaped(std::string& out, char c) {
  switch (c) {
    case '"': out += "\\\""; break;
    case '\\': out += "\\\\"; break;
    case '\n': out += "\\n"; break;
    case '\r': out += "\\r"; break;
    case '\t': out += "\\t"; break;
    default: out += "\\u00"; append_hex(out, {&c, 1});
  }
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  std::size_t copied = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text.substr(copied, i - copied));
    append_escaped(out, c);
    copied = i + 1;
  }
  out.append(text.substr(copied));
  out += '"';
}

void append_bytea_text(std::string& out, std::string_view bytes) {
  out += "\\x";
  append_hex(out, bytes);
}

void append_value_text(std::string& out, const column& values, std::size_t row) {
  if (values.is_null(row)) return;
  switch (values.type()) {
    case data_type::boolean: out += values.ints()[row] != 0 ? "true" : "false"; break;
    case data_type::bigint: append_number(out, values.ints()[row]); break;
    case data_type::double_precision: append_double(out, values.doubles()[row]); break;
    case data_type::timestamptz: append_timestamp(out, values.ints()[row]); break;
    case data_type::interval: out += format_interval(values.ints()[row]); break;
    case data_type::text:
    case data_type::json: out.append(values.text(row)); break;
    case data_type::bytea: append_bytea_text(out, values.text(row)); break;
  }
}

void append_json_value(std::string& out, const column& values, std::size_t row) {
  if (values.is_null(row)) {
    out += "null";
    return;
  }
  switch (values.type()) {
    case data_type::boolean:
    case data_type::bigint: append_value_text(out, values, row); break;
    case data_type::double_precision:
      if (std::isfinite(values.doubles()[row])) {
        append_double(out, values.doubles()[row]);
        break;
      }
      [[fallthrough]];
    case data_type::timestamptz:
    case data_type::interval:  // texts that need no escapes
      out += '"';
      append_value_text(out, values, row);
      out += '"';
      break;
    case data_type::text: append_json_string(out, values.text(row)); break;
    case data_type::json: append_json_line(out, values.text(row)); break;
    case data_type::bytea:
      out += "\"\\\\x";
      append_hex(out, values.text(row));
      out += '"';
      break;
  }
}

void append_json_row(std::string& out, const record_batch& rows, std::size_t row) {
  out += '{';
  for (std::size_t i = 0; i < rows.columns.size(); ++i) {
    if (i != 0) out += ',';
    append_json_string(out, rows.columns_schema->fields[i].name);
    out += ':';
    append_json_value(out, *rows.columns[i], row);
  }
  out += '}';
}

}  // namespace weir

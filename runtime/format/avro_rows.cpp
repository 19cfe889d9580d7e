#include "runtime/format/avro_rows.hpp"

#include <algorithm>
#include <bit>
#include <nlohmann/json.hpp>

#include "runtime/excerpt.hpp"
#include "runtime/format/json_writer.hpp"

namespace weir {

namespace {

using json = nlohmann::ordered_json;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

bool is_avro_name(std::string_view name) {
  return !name.empty() && is_letter(name[0]) &&
         std::ranges::all_of(name, [](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

// Of a topic's name, which may have dashes and dots.
std::string record_name_of(std::string_view name) {
  std::string out(name);
  std::ranges::replace_if(
      out, [](char c) { return !is_letter(c) && (c < '0' || c > '9'); }, '_');
  if (!is_avro_name(out)) out.insert(0, "_");
  return out;
}

json type_of(data_type type) {
  switch (type) {
    case data_type::boolean: return "boolean";
    case data_type::bigint: return "long";
    case data_type::double_precision: return "double";
    case data_type::timestamptz: return {{"type", "long"}, {"logicalType", "timestamp-micros"}};
    case data_type::bytea: return "bytes";
    case data_type::text:
    case data_type::json:
    case data_type::interval: break;
  }
  return "string";
}

void append_long(std::string& out, std::int64_t value) {
  auto left = static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63);
  for (; left >= 0x80; left >>= 7) out += static_cast<char>(left | 0x80);
  out += static_cast<char>(left);
}

void append_counted(std::string& out, std::string_view bytes) {
  append_long(out, static_cast<std::int64_t>(bytes.size()));
  out.append(bytes);
}

void append_double(std::string& out, double value) {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  for (int shift = 0; shift < 64; shift += 8) out += static_cast<char>(bits >> shift);
}

void append_value(std::string& out, const column& values, std::size_t row) {
  switch (values.type()) {
    case data_type::boolean: out += values.ints()[row] != 0 ? '\1' : '\0'; break;
    case data_type::bigint:
    case data_type::timestamptz: append_long(out, values.ints()[row]); break;
    case data_type::double_precision: append_double(out, values.doubles()[row]); break;
    case data_type::interval: {
      std::string text;
      append_value_text(text, values, row);
      append_counted(out, text);
      break;
    }
    case data_type::text:
    case data_type::json:
    case data_type::bytea: append_counted(out, values.text(row)); break;
  }
}

}  // namespace

result<std::string> avro_schema_of(const schema& columns, std::string_view record_name) {
  json fields = json::array();
  for (const auto& f : columns.fields) {
    if (!is_avro_name(f.name))
      return with_hint(
          fail(errc::invalid_argument, "column {} has a name that Avro cannot have", quoted_excerpt(f.name)),
          "name it with AS, in letters, digits and '_'");
    json one{{"name", f.name}};
    if (f.not_null) {
      one["type"] = type_of(f.type);
    } else {
      one["type"] = json::array({"null", type_of(f.type)});
      one["default"] = nullptr;
    }
    fields.push_back(std::move(one));
  }
  return json{
      {"type", "record"}, {"name", record_name_of(record_name)}, {"namespace", "weir"}, {"fields", std::move(fields)}}
      .dump();
}

void append_avro_row(std::string& out, const record_batch& rows, std::size_t row) {
  for (std::size_t i = 0; i < rows.columns.size(); ++i) {
    const auto& values = *rows.columns[i];
    if (!rows.columns_schema->fields[i].not_null) {
      append_long(out, values.is_null(row) ? 0 : 1);
      if (values.is_null(row)) continue;
    }
    append_value(out, values, row);
  }
}

}  // namespace weir

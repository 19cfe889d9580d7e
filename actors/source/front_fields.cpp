#include "actors/source/front_fields.hpp"

#include <algorithm>

namespace weir {

void add_front_field(std::string& fields, std::string_view name_json, std::string_view value_json) {
  if (!fields.empty()) fields += ',';
  fields.append(name_json);
  fields += ':';
  fields.append(value_json);
}

std::string put_in_front(std::string_view record, std::string_view fields) {
  constexpr std::string_view blanks = " \t\r\n";
  const auto brace = record.find_first_not_of(blanks);
  if (brace == std::string_view::npos || record[brace] != '{') return std::string(record);
  const auto next = record.find_first_not_of(blanks, brace + 1);
  const bool alone = next != std::string_view::npos && record[next] == '}';
  std::string out;
  out.reserve(record.size() + fields.size() + 2);
  out += '{';
  out.append(fields);
  if (!alone) out += ',';
  return out.append(record.substr(brace + 1));
}

status check_front_column(const source_spec& spec, const connector_context& context, std::string_view option,
                          std::string_view column) {
  const auto& format = context.stream_format.name;
  if (format != "json" && format != "ndjson")
    return fail(errc::invalid_argument, "source {}: option {} needs a stream of format json; {} has {}", spec.name,
                option, spec.stream, format);
  if (column.size() > 63 || column.find_first_of("\"\\") != std::string_view::npos ||
      std::ranges::any_of(column, [](char c) { return static_cast<unsigned char>(c) < 0x20; }))
    return fail(errc::invalid_argument, "source {}: option {} is no name of a column", spec.name, option);
  return {};
}

}  // namespace weir

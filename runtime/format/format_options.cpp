#include "runtime/format/format_options.hpp"

#include <algorithm>
#include <array>

namespace weir {
namespace {

struct known_format {
  std::string_view name;
  format_kind kind;
  std::string_view options;  // what an error lists
};

constexpr std::array formats{
    known_format{"json", format_kind::json, "timestamps"},
    known_format{"ndjson", format_kind::json, "timestamps"},
    known_format{"csv", format_kind::csv, "delimiter, timestamps"},
    known_format{"isd", format_kind::isd, "none"},
    known_format{"raw", format_kind::raw, "none"},
    known_format{"avro", format_kind::avro, "timestamps"},
    known_format{"protobuf", format_kind::protobuf, "descriptors, message, framing"},
};

bool knows_option(format_kind kind, std::string_view option) {
  if (option == "timestamps") return kind == format_kind::json || kind == format_kind::csv || kind == format_kind::avro;
  if (option == "delimiter") return kind == format_kind::csv;
  constexpr std::array of_protobuf{"descriptors", "message", "framing", descriptor_set_option};
  return kind == format_kind::protobuf && std::ranges::count(of_protobuf, option) > 0;
}

status set_timestamps(format_options& out, const std::string& value) {
  const auto numbers = find_timestamp_numbers(value);
  if (!numbers)
    return fail(errc::invalid_argument, "option timestamps cannot be {}; known: iso, s, ms, us", quoted_excerpt(value));
  out.timestamps = *numbers;
  return {};
}

status set_delimiter(format_options& out, const std::string& value) {
  const bool printable =
      value.size() == 1 && ((value[0] > ' ' && value[0] <= '~') || value[0] == '\t' || value[0] == ' ');
  if (!printable || value[0] == '"')
    return fail(errc::invalid_argument, "option delimiter cannot be {}; write one ASCII character other than a quote",
                quoted_excerpt(value));
  out.delimiter = value[0];
  return {};
}

status set_descriptors(format_options& out, const std::string& value) {
  if (value.empty() || value.starts_with('.') || value.find('/') != std::string::npos)
    return fail(errc::invalid_argument,
                "option descriptors cannot be {}; write the name of a file in sources.descriptors",
                quoted_excerpt(value));
  out.descriptors = value;
  return {};
}

status set_framing(format_options& out, const std::string& value) {
  if (value != "none" && value != "confluent")
    return fail(errc::invalid_argument, "option framing cannot be {}; known: none, confluent", quoted_excerpt(value));
  out.framed = value == "confluent";
  return {};
}

status set_option(format_options& out, const std::string& option, const std::string& value) {
  if (option == "timestamps") return set_timestamps(out, value);
  if (option == "delimiter") return set_delimiter(out, value);
  if (option == "descriptors") return set_descriptors(out, value);
  if (option == "framing") return set_framing(out, value);
  if (option == "message") {
    out.message = value;
    return {};
  }
  WEIR_TRY(bytes, parse_bytea(value));
  out.descriptor_set = std::move(bytes);
  return {};
}

}  // namespace

result<format_options> read_format_options(const format_spec& spec) {
  const auto* const found =
      std::find_if(formats.begin(), formats.end(), [&spec](const known_format& f) { return f.name == spec.name; });
  if (found == formats.end())
    return fail(errc::invalid_argument, "unknown format {}; known: json, ndjson, csv, isd, raw, avro, protobuf",
                quoted_excerpt(spec.name));
  format_options out;
  out.kind = found->kind;
  for (const auto& [option, value] : spec.options) {
    if (!knows_option(found->kind, option))
      return fail(errc::invalid_argument, "format {} has no option {}; known: {}", spec.name, quoted_excerpt(option),
                  found->options);
    WEIR_TRY_VOID(set_option(out, option, value));
  }
  if (out.kind == format_kind::protobuf && (out.descriptors.empty() || out.message.empty()))
    return with_hint(fail(errc::invalid_argument, "format protobuf needs the options descriptors and message"),
                     "for example descriptors = 'shop.desc', message = 'shop.Order'");
  return out;
}

format_spec declared_format(format_spec spec) {
  for (const auto* option : {descriptor_set_option, schema_id_option, key_schema_id_option}) spec.options.erase(option);
  return spec;
}

}  // namespace weir

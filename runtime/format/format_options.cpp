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
};

bool knows_option(format_kind kind, std::string_view option) {
  if (option == "timestamps") return kind == format_kind::json || kind == format_kind::csv || kind == format_kind::avro;
  return option == "delimiter" && kind == format_kind::csv;
}

status set_option(format_options& out, const std::string& option, const std::string& value) {
  if (option == "timestamps") {
    const auto numbers = find_timestamp_numbers(value);
    if (!numbers)
      return fail(errc::invalid_argument, "option timestamps cannot be {}; known: iso, s, ms, us",
                  quoted_excerpt(value));
    out.timestamps = *numbers;
    return {};
  }
  const bool printable =
      value.size() == 1 && ((value[0] > ' ' && value[0] <= '~') || value[0] == '\t' || value[0] == ' ');
  if (!printable || value[0] == '"')
    return fail(errc::invalid_argument, "option delimiter cannot be {}; write one ASCII character other than a quote",
                quoted_excerpt(value));
  out.delimiter = value[0];
  return {};
}

}  // namespace

result<format_options> read_format_options(const format_spec& spec) {
  const auto* const found =
      std::find_if(formats.begin(), formats.end(), [&spec](const known_format& f) { return f.name == spec.name; });
  if (found == formats.end())
    return fail(errc::invalid_argument, "unknown format {}; known: json, ndjson, csv, isd, raw, avro",
                quoted_excerpt(spec.name));
  format_options out;
  out.kind = found->kind;
  for (const auto& [option, value] : spec.options) {
    if (!knows_option(found->kind, option))
      return fail(errc::invalid_argument, "format {} has no option {}; known: {}", spec.name, quoted_excerpt(option),
                  found->options);
    WEIR_TRY_VOID(set_option(out, option, value));
  }
  return out;
}

}  // namespace weir

#include <fmt/ranges.h>

#include <algorithm>

#include "actors/source/connector.hpp"
#include "actors/source/file_connector.hpp"
#include "actors/source/http_connector.hpp"
#include "actors/source/kafka/kafka_connector.hpp"
#include "actors/source/mqtt/mqtt_connector.hpp"
#include "actors/source/mqtt/mqtt_options.hpp"
#include "actors/source/option_reader.hpp"
#include "actors/source/simulate_connector.hpp"

namespace weir {
namespace {

constexpr std::size_t max_name = 128;

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

status check_name(const source_spec& spec) {
  if (spec.name.empty() || spec.name.size() > max_name ||
      !std::all_of(spec.name.begin(), spec.name.end(), is_name_character)) {
    return fail(errc::invalid_argument, "'{}' is no name of a source: 1 to {} characters of A-Z a-z 0-9 . _ -",
                escape_name(spec.name.substr(0, max_name)), max_name);
  }
  return {};
}

tl::unexpected<error> unknown_kind(const source_spec& spec) {
  std::vector<std::string_view> known;
  for (const auto& kind : connector_kinds()) known.push_back(kind.name);
  const auto near = nearest_word(spec.connector, known);
  return with_hint(fail(errc::invalid_argument, "source {}: there is no connector '{}'{}", spec.name, spec.connector,
                        near.empty() ? "" : fmt::format(" (did you mean '{}'?)", near)),
                   fmt::format("the connectors are {}", fmt::join(known, ", ")));
}

}  // namespace

const std::vector<connector_kind>& connector_kinds() {
  static const std::vector<connector_kind> kinds{file_connector_kind(), simulate_connector_kind(),
                                                 mqtt::mqtt_connector_kind(), kafka_connector_kind(),
                                                 http_connector_kind()};
  return kinds;
}

bool is_pushed(std::string_view connector) {
  const auto& kinds = connector_kinds();
  return std::any_of(kinds.begin(), kinds.end(),
                     [&](const connector_kind& k) { return k.pushed && k.name == connector; });
}

std::string guarantee_of(const source_spec& spec) {
  if (spec.connector == mqtt::mqtt_connector_kind().name) return mqtt::guarantee_of(spec.options);
  for (const auto& kind : connector_kinds())
    if (kind.name == spec.connector) return kind.guarantee;
  return "exactly once";
}

std::map<std::string, std::string> shown_options(const source_spec& spec) {
  auto out = spec.options;
  for (const auto& kind : connector_kinds()) {
    if (kind.name != spec.connector) continue;
    for (const auto& option : kind.options)
      if (const auto it = out.find(option.name); option.secret && it != out.end()) it->second = "***";
  }
  return out;
}

status check_source(const source_spec& spec, const connector_context& context) {
  WEIR_TRY(made, make_connector(spec, context));
  return {};
}

result<std::unique_ptr<connector>> make_connector(const source_spec& spec, const connector_context& context) {
  WEIR_TRY_VOID(check_name(spec));
  if (context.now_us == nullptr) return fail(errc::internal, "source {}: no clock was given to connectors", spec.name);
  if (spec.connector == file_connector_kind().name) return make_file_connector(spec, context);
  if (spec.connector == simulate_connector_kind().name) return make_simulate_connector(spec, context);
  if (spec.connector == kafka_connector_kind().name) return make_kafka_connector(spec, context);
  if (spec.connector == http_connector_kind().name) return make_http_connector(spec, context);
  if (spec.connector == mqtt::mqtt_connector_kind().name) return make_mqtt_connector(spec, context);
  return unknown_kind(spec);
}

}  // namespace weir

#include "actors/source/mqtt/mqtt_options.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "actors/source/file_access.hpp"
#include "actors/source/front_fields.hpp"
#include "actors/source/mqtt/topic_filter.hpp"
#include "actors/source/option_reader.hpp"
#include "runtime/batch/key_codec.hpp"
#include "runtime/time/timestamp.hpp"

namespace weir::mqtt {
namespace {

constexpr std::uint16_t plain_port = 1883, tls_port = 8883;
constexpr std::size_t max_host = 255, max_client_id = 256, max_credential = 1'024;
constexpr std::uint64_t least_packet = 1'024;
constexpr std::int64_t max_expiry_us = 365 * us_per_day;

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

// "host" or "host:port", the host of an IPv6 address in brackets.
bool split_host(std::string_view text, broker_address& out) {
  std::string_view port;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return false;
    out.host = lower(text.substr(1, end - 1));
    port = text.substr(end + 1);
    if (out.host.find_first_not_of("0123456789abcdef:.") != std::string::npos) return false;
  } else {
    const auto colon = text.find(':');
    out.host = lower(text.substr(0, colon));
    port = colon == std::string_view::npos ? std::string_view() : text.substr(colon);
    if (out.host.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-._") != std::string::npos) return false;
  }
  if (out.host.empty() || out.host.size() > max_host) return false;
  if (port.empty()) return true;
  port.remove_prefix(1);
  const auto [end, code] = std::from_chars(port.data(), port.data() + port.size(), out.port);
  return code == std::errc() && end == port.data() + port.size() && out.port > 0;
}

status check_broker(const source_spec& spec, const broker_address& broker, const connector_context& context) {
  const auto& allowed = context.mqtt.brokers;
  const auto wanted = broker.text();
  if (std::ranges::any_of(allowed, [&](const std::string& a) { return lower(a) == wanted; })) return {};
  return with_hint(fail(errc::permission_denied, "source {}: the broker {} is not one that MQTT sources may reach",
                        spec.name, wanted),
                   allowed.empty() ? std::string("sources.mqtt.allow in config.toml is empty: no broker may be reached")
                                   : fmt::format("sources.mqtt.allow in config.toml has {}", fmt::join(allowed, ", ")));
}

status read_files(const option_reader& reader, const source_spec& spec, const connector_context& context,
                  mqtt_options& out) {
  const file_access access(context.mqtt.folders, "sources.mqtt.folders");
  for (const auto& [name, to] : {std::pair{"password_file", &out.password_file}, std::pair{"ca_file", &out.ca_file},
                                 std::pair{"cert_file", &out.cert_file}, std::pair{"key_file", &out.key_file}}) {
    if (!reader.given(name)) continue;
    *to = reader.text(name);
    if (auto allowed = access.check(*to); !allowed) {
      allowed.error().message = fmt::format("source {}: option {}: {}", spec.name, name, allowed.error().message);
      return allowed;
    }
    if (*name != 'p' && !out.broker.tls)
      return fail(errc::invalid_argument, "source {}: option {} is for mqtts:// urls", spec.name, name);
  }
  if (out.cert_file.empty() != out.key_file.empty())
    return fail(errc::invalid_argument, "source {}: options cert_file and key_file go together", spec.name);
  return {};
}

status read_credentials(const option_reader& reader, const source_spec& spec, mqtt_options& out) {
  const bool given = reader.given("password");
  if (given && !out.password_file.empty())
    return fail(errc::invalid_argument, "source {}: give password or password_file, not both", spec.name);
  for (const auto* name : {"username", "password"})
    if (reader.text(name).size() > max_credential)
      return fail(errc::limit_exceeded, "source {}: option {} has more than {} bytes", spec.name, name, max_credential);
  auto& connect = out.session.connect;
  if (reader.given("username")) connect.username = reader.text("username");
  if (given) connect.password = reader.text("password");
  if ((given || !out.password_file.empty()) && !connect.username)
    return fail(errc::invalid_argument, "source {}: a password needs the option username too", spec.name);
  return {};
}

// The same for the same source as long as it reads the same topics: a new filter is a new session, whose messages are
// all wanted.
std::string default_client_id(const source_spec& spec, const connector_context& context, std::string_view topic) {
  return fmt::format("{}.{}.{:08x}", context.app, spec.name, stable_hash(topic) & 0xffffffffU);
}

status read_session(const option_reader& reader, const source_spec& spec, const connector_context& context,
                    mqtt_options& out) {
  auto& connect = out.session.connect;
  WEIR_TRY(speaks, reader.choice("version", {"5", "3.1.1"}));
  connect.speaks = speaks == "5" ? version::v5 : version::v3_1_1;
  connect.client_id =
      reader.given("client_id") ? reader.text("client_id") : default_client_id(spec, context, reader.text("topic"));
  if (connect.client_id.size() > max_client_id)
    return fail(errc::limit_exceeded, "source {}: option client_id has more than {} bytes", spec.name, max_client_id);
  WEIR_TRY(keep_alive, reader.interval("keep_alive", us_per_s, 65'535 * us_per_s));
  connect.keep_alive = static_cast<std::uint16_t>(keep_alive / us_per_s);
  WEIR_TRY(expiry, reader.interval("session_expiry", 0, max_expiry_us));
  connect.session_expiry = static_cast<std::uint32_t>(expiry / us_per_s);
  connect.clean = connect.session_expiry == 0;
  WEIR_TRY(receive_maximum, reader.whole("receive_maximum", 1, 65'535));
  connect.receive_maximum = static_cast<std::uint16_t>(receive_maximum);
  if (reader.given("max_packet")) {
    WEIR_TRY(most, reader.whole("max_packet", least_packet, max_remaining));
    connect.max_packet = out.max_packet = static_cast<std::uint32_t>(most);
  }
  WEIR_TRY(qos, reader.choice("qos", {"0", "1"}));
  out.session.qos = qos == "1" ? 1 : 0;
  return {};
}

status read_topic_column(const option_reader& reader, const source_spec& spec, const connector_context& context,
                         mqtt_options& out) {
  if (!reader.given("topic_column")) return {};
  out.topic_column = reader.text("topic_column");
  return check_front_column(spec, context, "topic_column", out.topic_column);
}

}  // namespace

std::string broker_address::text() const {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port) : fmt::format("[{}]:{}", host, port);
}

result<broker_address> parse_url(std::string_view url) {
  constexpr std::string_view plain = "mqtt://", secure = "mqtts://";
  broker_address out;
  out.tls = url.starts_with(secure);
  out.port = out.tls ? tls_port : plain_port;
  if (url.find('@') != std::string_view::npos)
    return with_hint(fail(errc::invalid_argument, "option url holds a user name or password"),
                     "give the options username and password_file instead");
  if (!out.tls && !url.starts_with(plain))
    return fail(errc::invalid_argument, "option url = '{}' is not mqtt://host:port or mqtts://host:port",
                escape_name(url.substr(0, max_host)));
  url.remove_prefix(out.tls ? secure.size() : plain.size());
  if (url.ends_with('/')) url.remove_suffix(1);
  if (split_host(url, out)) return out;
  return fail(errc::invalid_argument, "option url: '{}' is no host:port", escape_name(url.substr(0, max_host)));
}

const connector_kind& mqtt_connector_kind() {
  static const connector_kind kind{
      "mqtt",
      "Subscribes to topics of an MQTT broker, 3.1.1 or 5; a message is a record, acknowledged after its commit.",
      "QoS 1: at least once; QoS 0: at most once before the log, exactly once after it",
      {
          {"url", "mqtt://host:port or mqtts://host:port (TLS); the broker must be in sources.mqtt.allow", true, ""},
          {"topic", "topic filters with + and #, between commas", true, ""},
          {"qos", "1: acknowledged after the commit; 0: what is on the way when something fails is lost", false, "1"},
          {"version", "5 or 3.1.1; there is no fall back, a refusal says which to give", false, "5"},
          {"client_id", "the session's name at the broker; default: from app, source and topic", false, ""},
          {"username", "who this client is at the broker", false, ""},
          {"password", "shown to nobody, but kept in the control log; better: password_file", false, "", true},
          {"password_file", "file with the password, in sources.mqtt.folders", false, ""},
          {"ca_file", "PEM of the CA that signed the broker's certificate; default: the system's CAs", false, ""},
          {"cert_file", "PEM of this client's certificate", false, ""},
          {"key_file", "PEM of its key", false, ""},
          {"keep_alive", "how long the connection may be silent before the broker is asked", false, "30 s"},
          {"session_expiry",
           "how long the broker keeps what comes while the source is away (version 5; with 3.1.1 its own setting "
           "counts); 0 s: not at all",
           false, "1 day"},
          {"receive_maximum", "QoS 1 messages on the way that are not committed yet", false, "1000"},
          {"max_packet",
           "bytes of the largest packet taken: version 5 has the broker drop larger ones, 3.1.1 ends the connection; "
           "default: any, and a message over log.max_record is a dead letter",
           false, ""},
          {"topic_column", "JSON objects: the topic is put in front as this field", false, ""},
      }};
  return kind;
}

std::string guarantee_of(const std::map<std::string, std::string>& options) {
  const auto qos = options.find("qos");
  return qos != options.end() && qos->second == "0" ? "at most once before the log, exactly once after it"
                                                    : "at least once";
}

result<mqtt_options> read_mqtt_options(const source_spec& spec, const connector_context& context) {
  const option_reader reader(spec, mqtt_connector_kind());
  WEIR_TRY_VOID(reader.check_names());
  mqtt_options out;
  const auto named = [&](error e) {
    e.message = fmt::format("source {}: {}", spec.name, e.message);
    return fail(std::move(e));
  };
  auto broker = parse_url(reader.text("url"));
  if (!broker) return named(broker.error());
  out.broker = *broker;
  out.url = fmt::format("{}://{}", out.broker.tls ? "mqtts" : "mqtt", out.broker.text());
  WEIR_TRY_VOID(check_broker(spec, out.broker, context));
  auto filters = parse_filters(reader.text("topic"));
  if (!filters) return named(filters.error());
  out.session.filters = std::move(*filters);
  if (context.stream_format.name == "csv")
    return with_hint(fail(errc::unsupported, "source {}: stream {} is CSV, whose header no MQTT message brings",
                          spec.name, spec.stream),
                     "let the instrument send JSON objects");
  WEIR_TRY_VOID(read_session(reader, spec, context, out));
  WEIR_TRY_VOID(read_files(reader, spec, context, out));
  WEIR_TRY_VOID(read_credentials(reader, spec, out));
  WEIR_TRY_VOID(read_topic_column(reader, spec, context, out));
  return out;
}

}  // namespace weir::mqtt

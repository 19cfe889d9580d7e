// The options of an MQTT source, checked.
#pragma once

#include <optional>
#include <string>

#include "actors/source/connector.hpp"
#include "actors/source/mqtt/session.hpp"

namespace weir::mqtt {

struct broker_address {
  std::string host;
  std::uint16_t port = 0;
  bool tls = false;

  // As in [sources.mqtt] allow: "host:port".
  std::string text() const;
};
// "mqtt://host:port", "mqtts://host", "mqtt://[::1]:1883". errc::invalid_argument; a password in it is not repeated.
result<broker_address> parse_url(std::string_view url);

struct mqtt_options {
  std::string url;
  broker_address broker;
  session_options session;  // but the password of a file
  std::string password_file, ca_file, cert_file, key_file;
  std::optional<std::uint32_t> max_packet;
  std::string topic_column;  // empty: none
};

const connector_kind& mqtt_connector_kind();
std::string guarantee_of(const std::map<std::string, std::string>& options);
// Everything that can be checked without a connection. permission_denied: a broker or a file that is not allowed.
result<mqtt_options> read_mqtt_options(const source_spec& spec, const connector_context& context);

}  // namespace weir::mqtt

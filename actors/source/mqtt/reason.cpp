#include "actors/source/mqtt/reason.hpp"

#include <algorithm>
#include <array>

#include "actors/source/file_access.hpp"

namespace weir::mqtt {
namespace {

constexpr std::size_t shown_reason = 200;  // bytes of a broker's own text

enum code : std::uint8_t {
  unsupported_version = 0x84,
  client_id_refused = 0x85,
  bad_password = 0x86,
  not_authorized = 0x87,
  taken_over = 0x8e,
  filter_refused = 0x8f,
  packet_too_large = 0x95,
};

struct named_code {
  std::uint8_t value;
  std::string_view words;
};

constexpr std::array names{
    named_code{0x00, "success"},
    named_code{0x04, "disconnected with will message"},
    named_code{0x80, "unspecified error"},
    named_code{0x81, "malformed packet"},
    named_code{0x82, "protocol error"},
    named_code{0x83, "implementation specific error"},
    named_code{unsupported_version, "unsupported protocol version"},
    named_code{client_id_refused, "client identifier not valid"},
    named_code{bad_password, "bad user name or password"},
    named_code{not_authorized, "not authorized"},
    named_code{0x88, "server unavailable"},
    named_code{0x89, "server busy"},
    named_code{0x8a, "banned"},
    named_code{0x8b, "server shutting down"},
    named_code{0x8c, "bad authentication method"},
    named_code{0x8d, "keep alive timeout"},
    named_code{taken_over, "session taken over"},
    named_code{filter_refused, "topic filter invalid"},
    named_code{0x90, "topic name invalid"},
    named_code{0x91, "packet identifier in use"},
    named_code{0x93, "receive maximum exceeded"},
    named_code{0x94, "topic alias invalid"},
    named_code{packet_too_large, "packet too large"},
    named_code{0x96, "message rate too high"},
    named_code{0x97, "quota exceeded"},
    named_code{0x98, "administrative action"},
    named_code{0x99, "payload format invalid"},
    named_code{0x9a, "retain not supported"},
    named_code{0x9b, "QoS not supported"},
    named_code{0x9c, "use another server"},
    named_code{0x9d, "server moved"},
    named_code{0x9e, "shared subscriptions not supported"},
    named_code{0x9f, "connection rate exceeded"},
    named_code{0xa0, "maximum connect time"},
    named_code{0xa1, "subscription identifiers not supported"},
    named_code{0xa2, "wildcard subscriptions not supported"},
};

// 3.1.1's return codes of CONNACK, as reason codes of version 5.
std::uint8_t reason_of_return_code(std::uint8_t code) {
  constexpr std::array<std::uint8_t, 6> as{0,    unsupported_version, client_id_refused,
                                           0x88, bad_password,        not_authorized};
  return code < as.size() ? as[code] : code;
}

std::string with_reason(std::string text, std::string_view reason) {
  if (!reason.empty()) text += fmt::format(": {}", escape_name(reason.substr(0, shown_reason)));
  return text;
}

std::string hint_of(std::uint8_t reason) {
  switch (reason) {
    case bad_password: return "check the options username and password (or password_file)";
    case not_authorized: return "check user name, password and the broker's access rules";
    case client_id_refused: return "give another client_id";
    case taken_over: return "another client connected with the same client_id; give each its own";
    default: return {};
  }
}

}  // namespace

std::string words_of(std::uint8_t reason_code) {
  const auto it = std::ranges::find_if(names, [&](const named_code& n) { return n.value == reason_code; });
  return it == names.end() ? fmt::format("reason code {:#04x}", reason_code)
                           : fmt::format("{} ({:#04x})", it->words, reason_code);
}

error refused_connection(version speaks, const connack_packet& answer) {
  const auto reason = answer.code < 6 ? reason_of_return_code(answer.code) : answer.code;
  const auto text = with_reason(fmt::format("the broker refused the connection: {}", words_of(reason)), answer.reason);
  const bool access = reason == bad_password || reason == not_authorized;
  auto hint = hint_of(reason);
  if (reason == unsupported_version)
    hint = speaks == version::v5 ? "give version=3.1.1" : "the broker does not speak MQTT 3.1.1; try version=5";
  return {access ? errc::permission_denied : errc::unavailable, text, hint};
}

error refused_subscription(std::string_view filter, std::uint8_t code, std::string_view reason) {
  // 3.1.1 knows one code for every reason.
  const auto why = code == 0x80 ? std::string("failure (0x80)") : words_of(code);
  return {errc::permission_denied,
          with_reason(fmt::format("the broker refused the subscription to '{}': {}", escape_name(filter), why), reason),
          "check the option topic and the broker's access rules"};
}

error ended_by_broker(const disconnect_packet& packet) {
  return {errc::unavailable,
          with_reason(fmt::format("the broker ended the connection: {}", words_of(packet.code)), packet.reason),
          hint_of(packet.code)};
}

}  // namespace weir::mqtt

#include "actors/source/mqtt/packet.hpp"

namespace weir::mqtt {
namespace {

enum property : std::uint8_t { session_expiry = 0x11, receive_maximum = 0x21, maximum_packet = 0x27 };

void put_u16(std::string& out, std::uint32_t value) {
  out += static_cast<char>(value >> 8 & 0xff);
  out += static_cast<char>(value & 0xff);
}

void put_u32(std::string& out, std::uint32_t value) {
  put_u16(out, value >> 16);
  put_u16(out, value & 0xffff);
}

void put_varint(std::string& out, std::uint32_t value) {
  do {
    const auto low = value & 0x7f;
    value >>= 7;
    out += static_cast<char>(low | (value > 0 ? 0x80 : 0));
  } while (value > 0);
}

status put_text(std::string& out, std::string_view text, std::string_view what) {
  if (text.size() > max_text)
    return fail(errc::limit_exceeded, "{} has {} bytes; MQTT takes at most {}", what, text.size(), max_text);
  put_u16(out, static_cast<std::uint32_t>(text.size()));
  out += text;
  return {};
}

char first_byte(packet_type type, unsigned flags) {
  return static_cast<char>(static_cast<unsigned>(type) << 4 | flags);
}

result<std::string> framed(packet_type type, unsigned flags, std::string_view body) {
  if (body.size() > max_remaining)
    return fail(errc::limit_exceeded, "a {} of {} bytes; MQTT takes at most {}", to_string(type), body.size(),
                max_remaining);
  std::string out(1, first_byte(type, flags));
  put_varint(out, static_cast<std::uint32_t>(body.size()));
  out += body;
  return out;
}

}  // namespace

result<std::string> encode(const connect_packet& p) {
  std::string body;
  WEIR_TRY_VOID(put_text(body, "MQTT", "the protocol's name"));
  body += static_cast<char>(p.speaks);
  unsigned flags = p.clean ? 0x02 : 0;
  if (p.username) flags |= 0x80;
  if (p.password) flags |= 0x40;
  body += static_cast<char>(flags);
  put_u16(body, p.keep_alive);
  if (p.speaks == version::v5) {
    std::string properties;
    properties += static_cast<char>(session_expiry);
    put_u32(properties, p.session_expiry);
    properties += static_cast<char>(receive_maximum);
    put_u16(properties, p.receive_maximum);
    if (p.max_packet) {
      properties += static_cast<char>(maximum_packet);
      put_u32(properties, *p.max_packet);
    }
    put_varint(body, static_cast<std::uint32_t>(properties.size()));
    body += properties;
  }
  WEIR_TRY_VOID(put_text(body, p.client_id, "the client id"));
  if (p.username) WEIR_TRY_VOID(put_text(body, *p.username, "the user name"));
  if (p.password) WEIR_TRY_VOID(put_text(body, *p.password, "the password"));
  return framed(packet_type::connect, 0, body);
}

result<std::string> encode(version speaks, const subscribe_packet& p) {
  std::string body;
  put_u16(body, p.id);
  if (speaks == version::v5) body += '\0';  // no properties
  // Version 5: retained messages come only with a new subscription, not with every connection.
  const unsigned retain_when_new = speaks == version::v5 ? 0x10 : 0;
  for (const auto& filter : p.filters) {
    WEIR_TRY_VOID(put_text(body, filter, "a topic filter"));
    body += static_cast<char>(p.qos | retain_when_new);
  }
  return framed(packet_type::subscribe, 0x02, body);
}

result<std::string> encode(version speaks, const publish_packet& p) {
  std::string body;
  WEIR_TRY_VOID(put_text(body, p.topic, "the topic"));
  if (p.qos > 0) put_u16(body, p.id);
  if (speaks == version::v5) body += '\0';  // no properties
  body += p.payload;
  const unsigned flags = (p.duplicate ? 0x08U : 0U) | static_cast<unsigned>(p.qos) << 1 | (p.retained ? 0x01U : 0U);
  return framed(packet_type::publish, flags, body);
}

// Without code and properties the answer is: success.
void encode_puback(std::uint16_t id, std::string& out) {
  out += first_byte(packet_type::puback, 0);
  out += '\x02';
  put_u16(out, id);
}

void encode_pingreq(std::string& out) {
  out += first_byte(packet_type::pingreq, 0);
  out += '\0';
}

void encode_disconnect(std::string& out) {
  out += first_byte(packet_type::disconnect, 0);
  out += '\0';
}

}  // namespace weir::mqtt

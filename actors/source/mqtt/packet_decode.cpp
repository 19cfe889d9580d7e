#include <algorithm>
#include <array>

#include "actors/source/mqtt/packet.hpp"
#include "runtime/format/text_value.hpp"

namespace weir::mqtt {
namespace {

// Where a property may stand, as bits.
enum place : std::uint8_t {
  in_connack = 1,
  in_publish = 2,
  in_puback = 4,
  in_suback = 8,
  in_disconnect = 16,
  in_all = 31
};
enum class shape : std::uint8_t { flag, byte, u16, u32, varint, text, binary, pair };

struct property_rule {
  std::uint8_t id;
  shape is;
  std::uint8_t places;
};

constexpr std::uint8_t id_reason = 0x1f, id_keep_alive = 0x13, id_receive_maximum = 0x21, id_topic_alias = 0x23,
                       id_maximum_qos = 0x24, id_user = 0x26, id_maximum_packet = 0x27, id_subscription = 0x0b,
                       id_count = 0x2b;

constexpr std::array rules{
    property_rule{0x01, shape::flag, in_publish},    // payload format
    property_rule{0x02, shape::u32, in_publish},     // message expiry
    property_rule{0x03, shape::text, in_publish},    // content type
    property_rule{0x08, shape::text, in_publish},    // response topic
    property_rule{0x09, shape::binary, in_publish},  // correlation data
    property_rule{id_subscription, shape::varint, in_publish},
    property_rule{0x11, shape::u32, in_connack},   // session expiry
    property_rule{0x12, shape::text, in_connack},  // assigned client id
    property_rule{id_keep_alive, shape::u16, in_connack},
    property_rule{0x15, shape::text, in_connack},                  // authentication method
    property_rule{0x16, shape::binary, in_connack},                // authentication data
    property_rule{0x1a, shape::text, in_connack},                  // response information
    property_rule{0x1c, shape::text, in_connack | in_disconnect},  // server reference
    property_rule{id_reason, shape::text, in_connack | in_puback | in_suback | in_disconnect},
    property_rule{id_receive_maximum, shape::u16, in_connack},
    property_rule{0x22, shape::u16, in_connack},  // topic alias maximum
    property_rule{id_topic_alias, shape::u16, in_publish},
    property_rule{id_maximum_qos, shape::flag, in_connack},
    property_rule{0x25, shape::flag, in_connack},  // retain available
    property_rule{id_user, shape::pair, in_all},
    property_rule{id_maximum_packet, shape::u32, in_connack},
    property_rule{0x28, shape::flag, in_connack},  // wildcards available
    property_rule{0x29, shape::flag, in_connack},  // subscription ids available
    property_rule{0x2a, shape::flag, in_connack},  // shared subscriptions available
};

// Reads fields from the front of a body; every one is checked against what is left.
class field_reader {
 public:
  field_reader(std::string_view body, packet_type type) : rest_(body), type_(type) {}

  std::string_view rest() const { return rest_; }
  bool empty() const { return rest_.empty(); }

  template <class... Args>
  tl::unexpected<error> bad(fmt::format_string<Args...> what, Args&&... args) const {
    return fail(errc::parse_error, "malformed {}: {}", to_string(type_),
                fmt::format(what, std::forward<Args>(args)...));
  }
  result<std::string_view> take(std::size_t size, std::string_view what) {
    if (rest_.size() < size) return bad("{} needs {} bytes, {} are left", what, size, rest_.size());
    const auto taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  result<std::uint32_t> number(std::size_t size, std::string_view what) {
    WEIR_TRY(bytes, take(size, what));
    std::uint32_t value = 0;
    for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
    return value;
  }
  result<std::uint32_t> varint(std::string_view what) {
    auto value = take_varint(rest_);
    if (!value) return bad("{}: {}", what, value.error().message);
    if (!*value) return bad("{} is cut short", what);
    return **value;
  }
  result<std::string_view> binary(std::string_view what) {
    WEIR_TRY(size, number(2, what));
    return take(size, what);
  }
  result<std::string_view> text(std::string_view what) {
    WEIR_TRY(bytes, binary(what));
    if (!is_valid_utf8(bytes) || bytes.find('\0') != std::string_view::npos) return bad("{} is no UTF-8", what);
    return bytes;
  }
  result<std::uint16_t> packet_id() {
    WEIR_TRY(id, number(2, "the packet identifier"));
    if (id == 0) return bad("packet identifier 0");
    return static_cast<std::uint16_t>(id);
  }

 private:
  std::string_view rest_;
  packet_type type_;
};

struct properties {
  std::array<std::optional<std::uint32_t>, id_count> number;
  std::string reason;
};

result<std::uint32_t> read_property(field_reader& in, const property_rule& rule, properties& out) {
  const std::string_view what = "a property's value";
  switch (rule.is) {
    case shape::flag: {
      WEIR_TRY(value, in.number(1, what));
      if (value > 1) return in.bad("property {:#04x} = {} is neither 0 nor 1", rule.id, value);
      return value;
    }
    case shape::byte: return in.number(1, what);
    case shape::u16: return in.number(2, what);
    case shape::u32: return in.number(4, what);
    case shape::varint: return in.varint(what);
    case shape::binary: {
      WEIR_TRY_VOID(in.binary(what));
      return 0;
    }
    case shape::pair: {
      WEIR_TRY_VOID(in.text(what));
      WEIR_TRY_VOID(in.text(what));
      return 0;
    }
    case shape::text: {
      WEIR_TRY(value, in.text(what));
      if (rule.id == id_reason) out.reason = value;
      return 0;
    }
  }
  return in.bad("a property of no known shape");
}

result<properties> read_properties(field_reader& packet, packet_type type, place where) {
  properties out;
  WEIR_TRY(size, packet.varint("the properties' length"));
  WEIR_TRY(bytes, packet.take(size, "the properties"));
  field_reader in(bytes, type);
  while (!in.empty()) {
    WEIR_TRY(id, in.varint("a property's identifier"));
    const auto rule = std::ranges::find_if(rules, [id = id](const property_rule& r) { return r.id == id; });
    if (rule == rules.end()) return in.bad("unknown property {:#04x}", id);
    if ((rule->places & where) == 0) return in.bad("property {:#04x} does not belong there", id);
    WEIR_TRY(value, read_property(in, *rule, out));
    auto& seen = out.number[rule->id];
    if (seen && rule->id != id_user && rule->id != id_subscription) return in.bad("property {:#04x} stands twice", id);
    seen = value;
  }
  return out;
}

status check_end(const field_reader& in) {
  if (in.empty()) return {};
  return in.bad("{} bytes too many", in.rest().size());
}

result<connack_packet> decode_connack(version speaks, field_reader in) {
  connack_packet out;
  WEIR_TRY(flags, in.number(1, "the flags"));
  if (flags > 1) return in.bad("flags {:#04x}", flags);
  out.session_present = flags == 1;
  WEIR_TRY(code, in.number(1, "the reason code"));
  out.code = static_cast<std::uint8_t>(code);
  // A broker that does not know version 5 answers as in 3.1.1.
  const bool old_refusal = speaks == version::v5 && in.empty() && code > 0 && code < 6;
  if (speaks == version::v3_1_1 || old_refusal) {
    WEIR_TRY_VOID(check_end(in));
    return out;
  }
  WEIR_TRY(p, read_properties(in, packet_type::connack, in_connack));
  WEIR_TRY_VOID(check_end(in));
  if (p.number[id_receive_maximum] == 0U) return in.bad("receive maximum 0");
  if (p.number[id_maximum_packet] == 0U) return in.bad("maximum packet size 0");
  out.reason = std::move(p.reason);
  if (const auto& v = p.number[id_keep_alive]) out.keep_alive = static_cast<std::uint16_t>(*v);
  out.receive_maximum = static_cast<std::uint16_t>(p.number[id_receive_maximum].value_or(65535));
  out.maximum_qos = static_cast<std::uint8_t>(p.number[id_maximum_qos].value_or(2));
  out.max_packet = p.number[id_maximum_packet];
  return out;
}

status check_topic(const field_reader& in, std::string_view topic) {
  if (topic.empty()) return in.bad("an empty topic (topic aliases were not offered)");
  if (topic.find_first_of("+#") != std::string_view::npos) return in.bad("a topic with a wildcard");
  return {};
}

result<publish_packet> decode_publish(version speaks, const raw_packet& packet) {
  publish_packet out;
  field_reader in(packet.body, packet_type::publish);
  out.qos = packet.first >> 1 & 3;
  out.duplicate = (packet.first & 8) != 0;
  out.retained = (packet.first & 1) != 0;
  if (out.qos == 3) return in.bad("QoS 3");
  if (out.qos == 0 && out.duplicate) return in.bad("QoS 0 and yet a duplicate");
  WEIR_TRY(topic, in.text("the topic"));
  WEIR_TRY_VOID(check_topic(in, topic));
  out.topic = topic;
  if (out.qos > 0) {
    WEIR_TRY(id, in.packet_id());
    out.id = id;
  }
  const std::size_t cut = packet.length - packet.body.size();  // bytes that were not kept
  if (speaks == version::v5) {
    if (auto probe = in; cut > 0) {  // the properties alone may be longer than what was kept
      WEIR_TRY(size, probe.varint("the properties' length"));
      if (size > probe.rest().size()) {
        if (size > probe.rest().size() + cut) return in.bad("properties of {} bytes, longer than the packet", size);
        out.cut_from = probe.rest().size() + cut - size;
        return out;
      }
    }
    WEIR_TRY(p, read_properties(in, packet_type::publish, in_publish));
    if (p.number[id_topic_alias]) return in.bad("a topic alias, which was not offered");
    if (p.number[id_subscription] == 0U) return in.bad("subscription identifier 0");
  }
  out.payload = in.rest();
  if (cut > 0) out.cut_from = out.payload.size() + cut;
  return out;
}

// 3.1.1 has only the identifier; version 5 may leave out code and properties.
result<acknowledgement> decode_puback(version speaks, field_reader in) {
  acknowledgement out;
  WEIR_TRY(id, in.packet_id());
  out.id = id;
  if (speaks == version::v5 && !in.empty()) {
    WEIR_TRY(code, in.number(1, "the reason code"));
    out.code = static_cast<std::uint8_t>(code);
    if (!in.empty()) {
      WEIR_TRY(p, read_properties(in, packet_type::puback, in_puback));
      out.reason = std::move(p.reason);
    }
  }
  WEIR_TRY_VOID(check_end(in));
  return out;
}

result<suback_packet> decode_suback(version speaks, field_reader in) {
  suback_packet out;
  WEIR_TRY(id, in.packet_id());
  out.id = id;
  if (speaks == version::v5) {
    WEIR_TRY(p, read_properties(in, packet_type::suback, in_suback));
    out.reason = std::move(p.reason);
  }
  if (in.empty()) return in.bad("no reason code");
  for (const char c : in.rest()) {
    const auto code = static_cast<std::uint8_t>(c);
    if ((code > 2 && code < 0x80) || (speaks == version::v3_1_1 && code > 0x80))
      return in.bad("reason code {:#04x}", code);
    out.codes.push_back(code);
  }
  return out;
}

result<disconnect_packet> decode_disconnect(version speaks, field_reader in) {
  disconnect_packet out;
  if (speaks == version::v3_1_1) return in.bad("a broker never sends it in MQTT 3.1.1");
  if (in.empty()) return out;
  WEIR_TRY(code, in.number(1, "the reason code"));
  out.code = static_cast<std::uint8_t>(code);
  if (!in.empty()) {
    WEIR_TRY(p, read_properties(in, packet_type::disconnect, in_disconnect));
    out.reason = std::move(p.reason);
  }
  WEIR_TRY_VOID(check_end(in));
  return out;
}

}  // namespace

std::string_view to_string(packet_type type) {
  constexpr std::array<std::string_view, 16> names{
      "packet of type 0", "CONNECT", "CONNACK",     "PUBLISH",  "PUBACK",  "PUBREC",   "PUBREL",     "PUBCOMP",
      "SUBSCRIBE",        "SUBACK",  "UNSUBSCRIBE", "UNSUBACK", "PINGREQ", "PINGRESP", "DISCONNECT", "AUTH"};
  return names[static_cast<std::size_t>(type) & 15];
}

result<server_packet> decode(version speaks, const raw_packet& packet) {
  const auto type = packet.type();
  field_reader in(packet.body, type);
  if (type == packet_type::publish) return decode_publish(speaks, packet);
  if ((packet.first & 15) != 0) return in.bad("flags {:#04x}", packet.first & 15);
  switch (type) {
    case packet_type::connack: return decode_connack(speaks, in);
    case packet_type::puback: return decode_puback(speaks, in);
    case packet_type::suback: return decode_suback(speaks, in);
    case packet_type::disconnect: return decode_disconnect(speaks, in);
    case packet_type::pingresp: {
      WEIR_TRY_VOID(check_end(in));
      return pingresp_packet{};
    }
    default: return fail(errc::parse_error, "the broker sent a {}, which was not asked for", to_string(type));
  }
}

}  // namespace weir::mqtt

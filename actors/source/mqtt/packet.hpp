// MQTT's packets, 3.1.1 and 5: bytes to structs and back. Nothing here does I/O or believes a length before the bytes
// are there; every rule of the standard that a client can check is checked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "runtime/result.hpp"

namespace weir::mqtt {

enum class version : std::uint8_t { v3_1_1 = 4, v5 = 5 };

enum class packet_type : std::uint8_t {
  connect = 1,
  connack,
  publish,
  puback,
  pubrec,
  pubrel,
  pubcomp,
  subscribe,
  suback,
  unsubscribe,
  unsuback,
  pingreq,
  pingresp,
  disconnect,
  auth,
};
std::string_view to_string(packet_type type);

inline constexpr std::size_t max_text = 65'535;              // bytes of any text or binary field
inline constexpr std::uint32_t max_remaining = 268'435'455;  // bytes behind a fixed header

// --- what a client sends ---

struct connect_packet {
  version speaks = version::v5;
  std::string client_id;
  bool clean = false;            // forget an earlier session of this client
  std::uint16_t keep_alive = 0;  // seconds
  std::optional<std::string> username, password;
  // Version 5 only.
  std::uint32_t session_expiry = 0;       // seconds
  std::uint16_t receive_maximum = 65535;  // unacknowledged QoS 1 packets
  std::optional<std::uint32_t> max_packet;
};

struct subscribe_packet {
  std::uint16_t id = 0;
  std::vector<std::string> filters;
  std::uint8_t qos = 1;
};

// Errors: errc::limit_exceeded for texts and packets that are too long for the protocol.
result<std::string> encode(const connect_packet& packet);
result<std::string> encode(version speaks, const subscribe_packet& packet);
void encode_puback(std::uint16_t id, std::string& out);
void encode_pingreq(std::string& out);
void encode_disconnect(std::string& out);  // normal, with the session kept

// --- what goes both ways ---

struct publish_packet {
  std::string topic;
  std::string payload;   // what was kept of it
  std::uint16_t id = 0;  // 0 with QoS 0
  std::uint8_t qos = 0;
  bool duplicate = false;
  bool retained = false;
  // Bytes of the payload on the wire, when the packet was cut to the reader's limit; else 0.
  std::uint64_t cut_from = 0;
};
result<std::string> encode(version speaks, const publish_packet& packet);

struct acknowledgement {  // PUBACK, of a publisher's packet
  std::uint16_t id = 0;
  std::uint8_t code = 0;
  std::string reason;
};

// --- what a broker sends ---

struct connack_packet {
  bool session_present = false;
  std::uint8_t code = 0;
  std::string reason;  // text of the broker; may be empty
  std::optional<std::uint16_t> keep_alive;
  std::uint16_t receive_maximum = 65535;
  std::uint8_t maximum_qos = 2;
  std::optional<std::uint32_t> max_packet;
};

struct suback_packet {
  std::uint16_t id = 0;
  std::vector<std::uint8_t> codes;  // one per filter
  std::string reason;
};

struct disconnect_packet {
  std::uint8_t code = 0;
  std::string reason;
};

struct pingresp_packet {};

using server_packet =
    std::variant<connack_packet, publish_packet, acknowledgement, suback_packet, pingresp_packet, disconnect_packet>;

// A packet as it was on the wire: see packet_reader.
struct raw_packet {
  std::uint8_t first = 0;    // type and flags
  std::string body;          // behind the fixed header, as far as it was kept
  std::uint32_t length = 0;  // of the whole body on the wire

  packet_type type() const { return static_cast<packet_type>(first >> 4); }
};

// A packet that a broker may send. errc::parse_error names the packet and what is wrong with it.
result<server_packet> decode(version speaks, const raw_packet& packet);

// --- bytes to packets ---

struct reader_limits {
  std::uint32_t max_length = max_remaining;  // a longer packet is an error
  std::size_t keep = 1U << 20;               // of a PUBLISH; what is longer is cut, not kept
};

class packet_reader {
 public:
  static constexpr std::size_t max_control = 256U << 10;  // of every packet but PUBLISH

  explicit packet_reader(reader_limits limits) : limits_(limits) {}

  // Uses up bytes from the front of `bytes` until a packet is complete (answered) or none are left (nothing).
  // After an error the stream's place is lost: the connection must end.
  result<std::optional<raw_packet>> next(std::string_view& bytes);

 private:
  result<bool> read_header(std::string_view& bytes);
  status check_header() const;

  reader_limits limits_;
  raw_packet packet_;
  std::uint32_t length_ = 0;
  int length_bytes_ = 0;
  bool have_first_ = false, have_length_ = false;
  std::uint32_t seen_ = 0;  // of the body
};

// The number of variable length at the front of `bytes` (at most four bytes); none: more bytes are needed.
result<std::optional<std::uint32_t>> take_varint(std::string_view& bytes);

}  // namespace weir::mqtt

// Reason codes as words, and what to do about them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "actors/source/mqtt/packet.hpp"
#include "runtime/result.hpp"

namespace weir::mqtt {

// "bad user name or password (0x86)"; for codes the standard does not know: "reason code 0x..".
std::string words_of(std::uint8_t reason_code);

// Why a broker refused the connection, from its CONNACK. `code` is not 0.
error refused_connection(version speaks, const connack_packet& answer);
// Why it refused a filter. `code` is 0x80 or above.
error refused_subscription(std::string_view filter, std::uint8_t code, std::string_view reason);
// Why it closed the connection.
error ended_by_broker(const disconnect_packet& packet);

}  // namespace weir::mqtt

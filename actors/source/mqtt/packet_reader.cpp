#include <algorithm>

#include "actors/source/mqtt/packet.hpp"

namespace weir::mqtt {
namespace {

constexpr int max_length_bytes = 4;
constexpr std::size_t reserve_at_most = 64U << 10;  // a length is only an announcement

}  // namespace

result<std::optional<std::uint32_t>> take_varint(std::string_view& bytes) {
  std::uint32_t value = 0;
  for (int i = 0; i < max_length_bytes; ++i) {
    if (static_cast<std::size_t>(i) == bytes.size()) return std::nullopt;
    const auto byte = static_cast<unsigned char>(bytes[static_cast<std::size_t>(i)]);
    value |= static_cast<std::uint32_t>(byte & 0x7f) << (7 * i);
    if ((byte & 0x80) != 0) continue;
    if (i > 0 && byte == 0) return fail(errc::parse_error, "a length with more bytes than it needs");
    bytes.remove_prefix(static_cast<std::size_t>(i) + 1);
    return value;
  }
  return fail(errc::parse_error, "a length of more than {} bytes", max_length_bytes);
}

status packet_reader::check_header() const {
  const auto type = packet_.type();
  const auto named = to_string(type);
  if (packet_.length > limits_.max_length)
    return fail(errc::limit_exceeded, "a {} of {} bytes is over the limit of {}", named, packet_.length,
                limits_.max_length);
  if (type != packet_type::publish && packet_.length > max_control)
    return fail(errc::limit_exceeded, "a {} of {} bytes; at most {} are read", named, packet_.length, max_control);
  return {};
}

// True when the fixed header is complete.
result<bool> packet_reader::read_header(std::string_view& bytes) {
  if (!have_first_) {
    if (bytes.empty()) return false;
    packet_ = {};
    packet_.first = static_cast<std::uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    have_first_ = true;
    length_ = 0;
    length_bytes_ = 0;
  }
  while (!have_length_) {
    if (bytes.empty()) return false;
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    length_ |= static_cast<std::uint32_t>(byte & 0x7f) << (7 * length_bytes_);
    ++length_bytes_;
    have_length_ = (byte & 0x80) == 0;
    if (have_length_ && length_bytes_ > 1 && byte == 0)
      return fail(errc::parse_error, "a length with more bytes than it needs");
    if (!have_length_ && length_bytes_ == max_length_bytes)
      return fail(errc::parse_error, "a length of more than {} bytes", max_length_bytes);
  }
  packet_.length = length_;
  return true;
}

result<std::optional<raw_packet>> packet_reader::next(std::string_view& bytes) {
  if (!have_length_) {
    WEIR_TRY(complete, read_header(bytes));
    if (!complete) return std::nullopt;
    WEIR_TRY_VOID(check_header());
    packet_.body.reserve(std::min<std::size_t>(packet_.length, reserve_at_most));
  }
  const auto here = std::min<std::size_t>(bytes.size(), packet_.length - seen_);
  const std::size_t keep = packet_.type() == packet_type::publish ? limits_.keep : max_control;
  const auto room = keep - std::min(keep, packet_.body.size());
  packet_.body.append(bytes.substr(0, std::min(here, room)));
  bytes.remove_prefix(here);
  seen_ += static_cast<std::uint32_t>(here);
  if (seen_ < packet_.length) return std::nullopt;
  have_first_ = have_length_ = false;
  seen_ = 0;
  return std::exchange(packet_, {});
}

}  // namespace weir::mqtt

// Packets of a broker as bytes, written by hand: what the codec under test reads is not made by it.
#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "actors/source/mqtt/packet.hpp"

namespace weir::mqtt_test {

using mqtt::raw_packet;
using mqtt::version;

inline std::string bytes(std::initializer_list<int> values) {
  std::string out;
  for (const int v : values) out += static_cast<char>(v);
  return out;
}

inline std::string text(std::string_view value) {
  return bytes({static_cast<int>(value.size() >> 8), static_cast<int>(value.size() & 0xff)}) + std::string(value);
}

inline std::string framed(int first, std::string_view body) {
  std::string out = bytes({first});
  auto left = body.size();
  do {
    const auto low = static_cast<int>(left & 0x7f);
    left >>= 7;
    out += static_cast<char>(low | (left > 0 ? 0x80 : 0));
  } while (left > 0);
  return out + std::string(body);
}

inline std::string properties(version v, std::string_view inside = {}) {
  if (v == version::v3_1_1) return {};
  REQUIRE(inside.size() < 128);
  return bytes({static_cast<int>(inside.size())}) + std::string(inside);
}

inline std::string connack(version v, int code = 0, bool present = false, std::string_view inside = {}) {
  return framed(0x20, bytes({present ? 1 : 0, code}) + properties(v, inside));
}

inline std::string suback(version v, std::initializer_list<int> codes = {1}, int id = 1, std::string_view inside = {}) {
  return framed(0x90, bytes({0, id}) + properties(v, inside) + bytes(codes));
}

inline std::string publish(version v, std::string_view topic, std::string_view payload, int id = 0,
                           int more_flags = 0) {
  const std::string numbered = id > 0 ? bytes({id >> 8, id & 0xff}) : std::string();
  return framed(0x30 | (id > 0 ? 2 : 0) | more_flags, text(topic) + numbered + properties(v) + std::string(payload));
}

// All packets of a stream of bytes, fed in pieces of `piece` bytes.
inline result<std::vector<raw_packet>> packets_of(std::string_view stream, std::size_t piece = 0,
                                                  mqtt::reader_limits limits = {}) {
  mqtt::packet_reader reader(limits);
  std::vector<raw_packet> out;
  while (!stream.empty()) {
    auto now = stream.substr(0, piece == 0 ? stream.size() : piece);
    stream.remove_prefix(now.size());
    for (;;) {
      WEIR_TRY(packet, reader.next(now));
      if (!packet) break;
      out.push_back(std::move(*packet));
    }
  }
  return out;
}

inline raw_packet one(std::string_view stream) {
  auto all = packets_of(stream);
  if (!all) FAIL(all.error().text());
  REQUIRE(all->size() == 1);
  return std::move(all->front());
}

}  // namespace weir::mqtt_test

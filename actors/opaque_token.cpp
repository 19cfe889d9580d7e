#include "actors/opaque_token.hpp"

#include <cstdint>

namespace weir {

namespace {

constexpr std::string_view standard = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view url_safe = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string encode(std::string_view bytes, std::string_view alphabet) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : bytes) {
    bits = bits << 8 | static_cast<unsigned char>(c);
    for (count += 8; count >= 6;) {
      count -= 6;
      out.push_back(alphabet[bits >> count & 63]);
    }
  }
  if (count > 0) out.push_back(alphabet[bits << (6 - count) & 63]);
  return out;
}

std::optional<std::string> decode_url_safe(std::string_view text) {
  if (text.size() % 4 == 1) return std::nullopt;
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const auto value = url_safe.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out.push_back(static_cast<char>(bits >> count & 255));
  }
  const bool canonical = (bits & ((1U << count) - 1)) == 0;
  return canonical ? std::optional(std::move(out)) : std::nullopt;
}

}  // namespace

std::string to_token(char kind, std::string_view bytes) { return kind + encode(bytes, url_safe); }

std::optional<std::string> from_token(char kind, std::string_view token) {
  if (token.empty() || token.front() != kind) return std::nullopt;
  return decode_url_safe(token.substr(1));
}

std::string to_base64(std::string_view bytes) {
  auto out = encode(bytes, standard);
  while (out.size() % 4 != 0) out.push_back('=');
  return out;
}

}  // namespace weir

#include "runtime/excerpt.hpp"

#include <fmt/format.h>

namespace weir {

std::string quoted_excerpt(std::string_view bytes) {
  constexpr std::size_t shown = 40;
  std::string out = "'";
  for (const char c : bytes.substr(0, shown)) {
    if (c >= ' ' && c <= '~')
      out += c;
    else
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  }
  if (bytes.size() > shown) out += "...";
  return out + "'";
}

std::string first_bytes(std::string_view text, std::size_t most) {
  if (text.size() <= most) return std::string(text);
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0) == 0x80) --most;
  return std::string(text.substr(0, most)) + "...";
}

}  // namespace weir

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

}  // namespace weir

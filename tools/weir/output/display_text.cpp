#include "tools/weir/output/display_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace weir::cli {

namespace {

struct range {
  char32_t first, last;
};

// Of Unicode 15's East Asian Width W and F, and of general category Mn: the blocks that instruments' texts may hold.
constexpr std::array wide{range{0x1100, 0x115F},   range{0x2E80, 0x303E},   range{0x3041, 0x33FF},
                          range{0x3400, 0x4DBF},   range{0x4E00, 0x9FFF},   range{0xA000, 0xA4CF},
                          range{0xAC00, 0xD7A3},   range{0xF900, 0xFAFF},   range{0xFE30, 0xFE6F},
                          range{0xFF00, 0xFF60},   range{0xFFE0, 0xFFE6},   range{0x1F300, 0x1F64F},
                          range{0x1F680, 0x1F6FF}, range{0x1F900, 0x1F9FF}, range{0x20000, 0x3FFFD}};
constexpr std::array combining{range{0x0300, 0x036F}, range{0x1AB0, 0x1AFF}, range{0x1DC0, 0x1DFF},
                               range{0x200B, 0x200D}, range{0x20D0, 0x20FF}, range{0xFE00, 0xFE0F},
                               range{0xFE20, 0xFE2F}};

template <std::size_t N>
bool within(const std::array<range, N>& ranges, char32_t c) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const range& r) { return c >= r.first && c <= r.last; });
}

struct character {
  char32_t value = 0;
  std::size_t bytes = 1;
  bool valid = false;
};

// The first character of a text that is not empty; an invalid one is one byte long.
character decode(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return {lead, 1, true};
  const std::size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < bytes) return {lead, 1, false};
  char32_t value = lead & (0xFFU >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xC0U) != 0x80U) return {lead, 1, false};
    value = value << 6U | (next & 0x3FU);
  }
  constexpr std::array<char32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (value < least[bytes] || surrogate || value > 0x10FFFF) return {lead, 1, false};
  return {value, bytes, true};
}

bool moves_text(char32_t c) {
  return (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0x200E || c == 0x200F;
}

std::size_t columns_of(char32_t c) {
  if (within(combining, c)) return 0;
  return within(wide, c) ? 2 : 1;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto c = decode(text);
    if (c.value == '\n') {
      out += "\\n";
    } else if (c.value == '\t') {
      out += "\\t";
    } else if (c.value == '\r') {
      out += "\\r";
    } else if (!c.valid || c.value < 0x20 || c.value == 0x7F) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned>(c.value));
    } else if (moves_text(c.value) || (c.value >= 0x80 && c.value < 0xA0)) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c.value));
    } else {
      out += text.substr(0, c.bytes);
    }
    text.remove_prefix(c.bytes);
  }
  return out;
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const auto c = decode(text);
    width += columns_of(c.value);
    text.remove_prefix(c.bytes);
  }
  return width;
}

std::string truncated(std::string_view text, std::size_t columns) {
  if (display_width(text) <= columns) return std::string(text);
  if (columns == 0) return {};
  std::string out;
  std::size_t width = 0;
  while (!text.empty()) {
    const auto c = decode(text);
    width += columns_of(c.value);
    if (width > columns - 1) break;
    out += text.substr(0, c.bytes);
    text.remove_prefix(c.bytes);
  }
  return out + "…";
}

}  // namespace weir::cli

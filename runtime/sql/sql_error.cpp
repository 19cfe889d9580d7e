#include "runtime/sql/sql_error.hpp"

#include <algorithm>

namespace weir {
namespace {

constexpr std::size_t picture_characters = 100;

bool starts_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }

std::size_t count_characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), starts_character));
}

// Control characters would move the caret away from what it points at.
std::string printable(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return out;
}

std::string picture(std::string_view line, std::size_t column) {
  std::size_t first = 0;  // character that the picture begins with
  if (column > picture_characters * 3 / 4) first = column - picture_characters * 3 / 4;
  const std::size_t begin = byte_of_character(line, first);
  const std::size_t end = begin + byte_of_character(line.substr(begin), picture_characters);
  const std::string lead = first > 0 ? "..." : "";
  const std::string tail = end < line.size() ? "..." : "";
  return fmt::format("\n  {}{}{}\n  {}^", lead, printable(line.substr(begin, end - begin)), tail,
                     std::string(lead.size() + column - first - 1, ' '));
}

}  // namespace

std::size_t byte_of_character(std::string_view sql, std::size_t character) {
  for (std::size_t i = 0; i < sql.size(); ++i) {
    if (!starts_character(sql[i])) continue;
    if (character == 0) return i;
    --character;
  }
  return sql.size();
}

sql_error_position position_at(std::string_view sql, std::size_t byte) {
  const auto before = sql.substr(0, std::min(byte, sql.size()));
  const auto newline = before.rfind('\n');
  const auto line_begin = newline == std::string_view::npos ? 0 : newline + 1;
  return {1 + static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n')),
          1 + count_characters(before.substr(line_begin))};
}

tl::unexpected<error> sql_failure(errc code, std::string_view sql, std::size_t byte, std::string_view message,
                                  std::string hint) {
  byte = std::min(byte, sql.size());
  const auto at = position_at(sql, byte);
  const auto newline = byte == 0 ? std::string_view::npos : sql.rfind('\n', byte - 1);
  const auto begin = newline == std::string_view::npos ? 0 : newline + 1;
  const auto end = std::min(sql.find('\n', begin), sql.size());
  return fail(error{code,
                    fmt::format("line {}, column {}: {}{}", at.line, at.column, message,
                                picture(sql.substr(begin, end - begin), at.column)),
                    std::move(hint)});
}

}  // namespace weir

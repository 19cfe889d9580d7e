// Characters of UTF-8 text, and their upper and lower case: the same on every machine, whatever its locale.
#pragma once

#include <string>
#include <string_view>

namespace weir {

// The character at byte `at` of valid UTF-8, which moves behind it. Bytes that are no UTF-8 count as one each.
char32_t next_character(std::string_view text, std::size_t& at);
void append_character(std::string& out, char32_t c);
std::size_t count_characters(std::string_view text);
// Byte behind the first `n` characters; the text's size when there are fewer.
std::size_t byte_behind(std::string_view text, std::size_t n);

// Simple one-to-one case of Latin, Greek and Cyrillic letters; all others stay as they are.
char32_t lower_character(char32_t c);
char32_t upper_character(char32_t c);

}  // namespace weir

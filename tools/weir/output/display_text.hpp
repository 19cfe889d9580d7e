// Text as a terminal shows it: how many columns it takes, cut to a width, made harmless.
#pragma once

#include <string>
#include <string_view>

namespace weir::cli {

// Control characters (also a record's own escape sequences), bidirectional overrides and bytes that are no UTF-8 become
// \n, \t, \x1b, \u202e: what a record holds never moves the cursor.
std::string printable(std::string_view text);

// Columns of printable text: 0 for combining characters, 2 for wide ones.
std::size_t display_width(std::string_view printable_text);

// At most `columns` wide; what was cut ends in "…".
std::string truncated(std::string_view printable_text, std::size_t columns);

}  // namespace weir::cli

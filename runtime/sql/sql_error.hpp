// Where an error stands in SQL text, and its picture: the one place that builds messages of SQL errors.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "runtime/result.hpp"
#include "runtime/sql/plan.hpp"

namespace weir {

// Line and column (characters, from 1) of a byte of the text; a byte behind the end is the end.
sql_error_position position_at(std::string_view sql, std::size_t byte);
// The byte at which a character (from 0) begins; the text's length when there are fewer.
std::size_t byte_of_character(std::string_view sql, std::size_t character);

// "line 3, column 8: <message>", the line and a caret below it. Long lines are cut around the caret.
tl::unexpected<error> sql_failure(errc code, std::string_view sql, std::size_t byte, std::string_view message,
                                  std::string hint = {});

}  // namespace weir

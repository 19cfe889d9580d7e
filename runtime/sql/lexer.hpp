// A first look at SQL text, before PostgreSQL's parser sees it: where statements end, and how long names are.
#pragma once

#include <string_view>
#include <vector>

#include "runtime/result.hpp"
#include "runtime/sql/plan.hpp"

namespace weir {

struct statement_span {
  std::size_t begin = 0;  // byte of its first word
  std::size_t end = 0;    // byte behind its last character; the semicolon is not part of it
};

// Splits at semicolons outside of texts, quoted names and comments; empty statements are left out. Errors: text that is
// not UTF-8 or holds NUL (parse_error), statements and names over their limits (limit_exceeded; the parser would crash
// on deep ones and cut long names in silence).
result<std::vector<statement_span>> split_statements(std::string_view sql, const sql_limits& limits);

}  // namespace weir

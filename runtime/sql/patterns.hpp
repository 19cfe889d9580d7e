// LIKE, ILIKE and regular expressions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/result.hpp"
#include "runtime/sql/expression_node.hpp"

namespace weir {

struct like_options {
  char32_t escape = '\\';  // 0: none
  bool ignore_case = false;
  bool negated = false;
};

// The error says what is wrong with a literal pattern; patterns from columns fail row by row.
tl::expected<node_ptr, std::string> make_like(node_ptr text, node_ptr pattern, like_options options);
// RE2's syntax; the match may stand anywhere in the text.
tl::expected<node_ptr, std::string> make_regex_match(node_ptr text, std::string_view pattern, bool ignore_case,
                                                     bool negated);
// 0 for an empty text, the character of a text of one, none otherwise.
std::optional<char32_t> single_character(std::string_view text);

}  // namespace weir

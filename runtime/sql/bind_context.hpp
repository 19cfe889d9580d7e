// What binding one statement shares: its text for errors, the limits, and the shapes of its expressions.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/result.hpp"
#include "runtime/sql/parse_tree.hpp"
#include "runtime/sql/plan.hpp"

namespace weir {

class bind_context {
 public:
  bind_context(std::string_view sql, std::size_t statement_begin, std::size_t statement_end, const catalog& known,
               const sql_limits& limits)
      : sql_(sql), begin_(statement_begin), end_(statement_end), known_(known), limits_(limits) {}

  const catalog& known() const { return known_; }
  const sql_limits& limits() const { return limits_; }
  std::string statement_text() const { return std::string(sql_.substr(begin_, end_ - begin_)); }

  // Byte of the whole text where a node stands: its own location, else that of its leftmost part.
  std::size_t at(tree_node node) const;
  std::size_t begin() const { return begin_; }
  tl::unexpected<error> fail(errc code, std::size_t at, std::string_view message, std::string hint = {}) const;
  tl::unexpected<error> invalid(std::size_t at, std::string_view message, std::string hint = {}) const {
    return fail(errc::invalid_argument, at, message, std::move(hint));
  }
  // The value of an integer constant (an A_Const with ival). libpg_query leaves out zero and negative values alike, so
  // the sign is looked up in the text.
  std::int64_t integer_constant(tree_node constant) const;
  // The same for the integer value of an option; `at` is where the option begins.
  std::int64_t integer_option(tree_node value, std::size_t at) const;
  // The refusal of a word that runtime/sql/words.hpp lists as refused.
  tl::unexpected<error> refuse(std::size_t at, std::string_view word) const;

  // Equal numbers for equal expressions, whatever their place in the text.
  int shape(const std::string& description);
  // Counts one node of an expression against the limit.
  status count_node(std::size_t at);

 private:
  std::string_view sql_;
  std::size_t begin_;
  std::size_t end_;
  const catalog& known_;
  const sql_limits& limits_;
  std::map<std::string, int> shapes_;
  std::size_t nodes_ = 0;
};

// WITH (name = value, ...): every value as text, whichever way it was written.
struct with_option {
  std::string name;
  std::string value;
  std::size_t at = 0;
};

result<std::vector<with_option>> read_options(const bind_context& context, const std::vector<tree_node>& definitions);
result<std::int64_t> read_interval_option(const bind_context& context, const with_option& option, bool zero_allowed);
result<std::int64_t> read_count_option(const bind_context& context, const with_option& option);
tl::unexpected<error> unknown_option(const bind_context& context, const with_option& option,
                                     const std::vector<std::string_view>& known);

// errc::already_exists when a stream or view has the name.
status check_new_name(const bind_context& context, const std::string& name, std::size_t at);
// The relation's name; a schema or catalog before it is refused.
result<std::string> read_relation_name(const bind_context& context, tree_node range_var);

}  // namespace weir

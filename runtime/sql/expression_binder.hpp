// Binds expressions of the parse tree: names to columns, operators and functions to kernels, literals to types.
#pragma once

#include "runtime/sql/bind_context.hpp"
#include "runtime/sql/bound.hpp"
#include "runtime/sql/comparison.hpp"
#include "runtime/sql/sql_type.hpp"

namespace weir {

class expression_binder {
 public:
  // Without groups: expressions over the input, where `place` (WHERE, GROUP BY, an aggregate's argument) cannot have
  // aggregates. With groups: expressions over the group's columns.
  expression_binder(bind_context& context, input_scope& scope, std::string_view place, grouping* groups = nullptr)
      : context_(context), scope_(scope), place_(place), groups_(groups) {}

  // first() and last() are refused where rows have no order.
  bool ordered_input = true;
  // Rows can be taken back: aggregates that cannot undo a row are refused.
  bool upsert_input = false;

  result<bound> bind(tree_node node);  // a wrapped node: {"ColumnRef": {...}}
  result<bound> bind_boolean(tree_node node, std::string_view what);
  // A column by its place among scope.columns(): what SELECT * expands to.
  bound bind_scope_column(std::size_t index, std::size_t at);
  bound bind_window_column(bool end, std::size_t at);

  // Fails when a column is left that is neither grouped nor aggregated.
  status check_grouped(const bound& value) const;
  // Gives a quoted literal its type, bigint a double's; other types must be equal.
  result<bound> coerce(bound value, data_type to) const;

 private:
  using bounds = std::vector<bound>;

  result<bound> bind_inner(tree_node node);
  result<bounds> bind_all(const std::vector<tree_node>& nodes);
  result<bound> bind_constant(tree_node fields, std::size_t at);
  result<bound> bind_column(tree_node fields, std::size_t at);
  result<bound> bind_cast(tree_node fields, std::size_t at);
  result<bound> bind_junction(tree_node fields, std::size_t at);
  result<bound> bind_case(tree_node fields, std::size_t at);
  result<bound> bind_choice(std::string_view name, tree_node fields, std::size_t at);
  result<bound> bind_test(std::string_view kind, tree_node fields, std::size_t at);
  result<bound> bind_operator_node(tree_node fields, std::size_t at);
  result<bound> bind_between(tree_node fields, std::string_view kind, std::size_t at);
  result<bound> bind_in(tree_node fields, std::size_t at);
  result<bound> bind_like(tree_node fields, bool ignore_case, std::size_t at);
  result<bound> bind_binary(const std::string& op, bound left, bound right, std::size_t at);
  result<bound> bind_unary(const std::string& op, bound value, std::size_t at);
  result<bound> bind_comparison(comparison_kind kind, bound left, bound right, std::size_t at);
  result<bound> bind_arithmetic(char op, bound left, bound right, std::size_t at);
  result<bound> bind_regex(const std::string& op, bound left, bound right, std::size_t at);
  result<bound> bind_concatenation(bounds values, bool skip_nulls, std::size_t at);
  result<bound> bind_call(tree_node fields, std::size_t at);
  result<bound> bind_scalar_call(const std::string& name, bounds arguments, std::size_t at);
  result<bound> bind_aggregate(const std::string& name, tree_node fields, std::size_t at);
  status check_plain_call(const std::string& name, tree_node fields, std::size_t at) const;

  // Brings values to one type: the error names the first that does not fit.
  result<data_type> unify(bounds& values, std::string_view what) const;
  status unify_pair(bound& left, bound& right) const;
  tl::unexpected<error> no_operator(std::string_view op, const bound* left, const bound& right, std::size_t at) const;
  // Builds the bound of a node above parts: its shape, and what is not grouped among them.
  bound above(node_ptr node, std::string_view description, const bounds& parts, std::size_t at) const;
  bound take_group_key(bound value) const;

  bind_context& context_;
  input_scope& scope_;
  std::string_view place_;
  grouping* groups_;
};

}  // namespace weir

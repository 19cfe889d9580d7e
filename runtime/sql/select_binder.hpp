// SELECT: FROM, WHERE, GROUP BY, HAVING and the output, for views and for queries over views.
#pragma once

#include <string>
#include <vector>

#include "runtime/sql/bind_context.hpp"
#include "runtime/sql/bound.hpp"
#include "runtime/sql/expression_binder.hpp"

namespace weir {

struct output_column {
  std::string name;
  bound value;
};

struct bound_select {
  input_scope scope;
  const stream_definition* stream = nullptr;  // what FROM names: a stream or
  const view_plan* view = nullptr;            // a view
  std::size_t from_at = 0;
  window_spec window;
  expression_ptr where;
  bool grouped = false;
  grouping groups;
  expression_ptr having;
  std::vector<output_column> output;

  schema_ptr output_schema() const;
  std::vector<expression_ptr> output_expressions() const;
};

enum class select_use : std::uint8_t { view, query };

class select_binder {
 public:
  select_binder(bind_context& context, select_use use) : context_(context), use_(use) {}

  result<bound_select> bind(tree_node select);
  // An expression over what the output's expressions are over: ORDER BY.
  result<bound> bind_output_expression(bound_select& select, tree_node node) const;

 private:
  status refuse_clauses(tree_node select) const;
  status bind_from(tree_node select, bound_select& out);
  status bind_relation(const std::string& name, std::size_t at, bound_select& out) const;
  status bind_window_function(tree_node range, bound_select& out);
  status bind_window_arguments(const std::string& name, const std::vector<tree_node>& arguments, std::size_t at,
                               bound_select& out);
  result<std::int64_t> bind_window_length(tree_node argument, bool positive);
  status check_time_column(tree_node column, const bound_select& out) const;
  status bind_group_keys(tree_node select, bound_select& out);
  status bind_group_key(tree_node item, const std::vector<tree_node>& targets, bound_select& out);
  status bind_distinct_keys(const std::vector<tree_node>& targets, bound_select& out);
  status add_key(bound key, std::string name, bound_select& out) const;
  status bind_output(const std::vector<tree_node>& targets, bound_select& out);
  status expand_star(tree_node target, bound_select& out) const;
  status check_output(const bound_select& out) const;
  expression_binder output_binder(bound_select& out) const;

  bind_context& context_;
  select_use use_;
  bool window_grouped_ = false;  // GROUP BY holds window_start or window_end
};

bool is_aggregate_name(std::string_view name);
bool contains_aggregate(tree_node node);
// The name that PostgreSQL gives an output column without AS.
std::string default_output_name(tree_node expression);

}  // namespace weir

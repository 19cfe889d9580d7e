// SELECT over a view: order and limit beside what every SELECT has.
#include "runtime/sql/definition_binder.hpp"
#include "runtime/sql/select_binder.hpp"

namespace weir {
namespace {

result<std::optional<std::int64_t>> read_limit(const bind_context& context, tree_node value, std::string_view what) {
  if (!value) return std::optional<std::int64_t>();
  const auto fields = value.unwrap();
  if (value.kind() == "A_Const" && fields.flag("isnull")) return std::optional<std::int64_t>();
  if (value.kind() != "A_Const" || !fields.has("ival") || context.integer_constant(fields) < 0)
    return context.invalid(context.at(value), fmt::format("{} must be a whole number", what),
                           fmt::format("write {} 100", what));
  return std::optional(context.integer_constant(fields));
}

// PostgreSQL's rule: a number is a place in the output, a bare name an output column if there is one, anything else an
// expression over the input.
result<bound> bind_sort_expression(const bind_context& context, const select_binder& binder, bound_select& select,
                                   tree_node node) {
  if (node.kind() == "A_Const") {
    const auto number = context.integer_constant(node.unwrap());
    if (number < 1 || static_cast<std::size_t>(number) > select.output.size())
      return context.invalid(context.at(node), "ORDER BY position is not in the select list",
                             fmt::format("write a number from 1 to {}", select.output.size()));
    return select.output[static_cast<std::size_t>(number) - 1].value;
  }
  if (node.kind() == "ColumnRef")
    if (const auto names = node.unwrap().names("fields"); names.size() == 1)
      for (const auto& column : select.output)
        if (column.name == names.front()) return column.value;
  return binder.bind_output_expression(select, node);
}

status bind_order(const bind_context& context, const select_binder& binder, bound_select& select, tree_node clause,
                  pull_plan& plan) {
  for (const auto& item : clause.list("sortClause")) {
    const auto fields = item.unwrap();
    if (fields.text("sortby_dir") == "SORTBY_USING")
      return context.fail(errc::unsupported, context.at(item), "ORDER BY ... USING is not supported",
                          "write ASC or DESC");
    WEIR_TRY(value, bind_sort_expression(context, binder, select, fields.child("node")));
    if (value.type() == data_type::json)
      return context.invalid(value.at, "json values cannot be compared, so not sorted",
                             "sort by a text of it: j ->> 'key'");
    pull_plan::sort_key key{plan.sort_input.size(), fields.text("sortby_dir") == "SORTBY_DESC", false};
    const auto nulls = fields.text("sortby_nulls");
    key.nulls_first = nulls == "SORTBY_NULLS_DEFAULT" ? key.descending : nulls == "SORTBY_NULLS_FIRST";
    plan.sort_input.push_back(finish_expression(value.node));
    plan.sort.push_back(key);
  }
  return {};
}

}  // namespace

result<pull_plan> bind_query(bind_context& context, tree_node clause) {
  select_binder binder(context, select_use::query);
  WEIR_TRY(select, binder.bind(clause));
  pull_plan plan;
  plan.view = select.scope.relation;
  WEIR_TRY_VOID(bind_order(context, binder, select, clause, plan));
  WEIR_TRY(limit, read_limit(context, clause.child("limitCount"), "LIMIT"));
  WEIR_TRY(offset, read_limit(context, clause.child("limitOffset"), "OFFSET"));
  plan.limit = limit;
  plan.offset = offset.value_or(0);
  plan.input_columns = select.view->output_columns;
  plan.where = select.where;
  plan.grouped = select.grouped;
  if (plan.grouped) {
    for (const auto& key : select.groups.keys) plan.keys.push_back(finish_expression(key.value.node));
    plan.aggregates = select.groups.aggregates;
    plan.group_columns = select.groups.columns();
  }
  plan.having = select.having;
  plan.output = select.output_expressions();
  plan.output_columns = select.output_schema();
  return plan;
}

}  // namespace weir

#include "runtime/sql/select_binder.hpp"

#include <algorithm>

#include "runtime/sql/words.hpp"

namespace weir {
namespace {

bool is_star(tree_node target) {
  const auto reference = target.unwrap().child_of_kind("val", "ColumnRef");
  return reference && reference.names("fields").back() == "*";
}

// The only name of a ColumnRef; empty for anything else.
std::string bare_name(tree_node node) {
  if (node.kind() != "ColumnRef") return {};
  const auto names = node.unwrap().names("fields");
  return names.size() == 1 ? names.front() : std::string();
}

bool is_window_name(std::string_view name) { return name == "window_start" || name == "window_end"; }

bool find_aggregate_call(simdjson::dom::element element) {
  if (element.is_array()) {
    for (auto member : element.get_array())
      if (find_aggregate_call(member)) return true;
  } else if (element.is_object()) {
    for (auto [key, value] : element.get_object()) {
      if (key == "FuncCall") {
        const auto names = tree_node(value).names("funcname");
        if (!names.empty() && is_aggregate_name(names.back()) && !tree_node(value).has("over")) return true;
      }
      if (key != "SubLink" && find_aggregate_call(value)) return true;
    }
  }
  return false;
}

}  // namespace

bool contains_aggregate(tree_node node) {
  bool found = false;
  if (node) node.visit([&](simdjson::dom::element element) { found = find_aggregate_call(element); });
  return found;
}

std::string default_output_name(tree_node expression) {
  const auto kind = expression.kind();
  const auto fields = expression.unwrap();
  if (kind == "ColumnRef") return fields.names("fields").back();
  if (kind == "FuncCall") return fields.names("funcname").back();
  if (kind == "CaseExpr") return "case";
  if (kind == "CoalesceExpr") return "coalesce";
  if (kind == "MinMaxExpr") return fields.text("op") == "IS_GREATEST" ? "greatest" : "least";
  if (kind == "A_Expr" && fields.text("kind") == "AEXPR_NULLIF") return "nullif";
  if (kind == "TypeCast") {
    auto name = default_output_name(fields.child("arg"));
    return name == "?column?" ? fields.child("typeName").names("names").back() : name;
  }
  return "?column?";
}

schema_ptr bound_select::output_schema() const {
  schema out;
  for (const auto& column : output) {
    const auto from = column.value.node->input_column();
    const bool not_null = !grouped && from && scope.used_fields()[*from].not_null;
    out.fields.push_back({column.name, column.value.type(), not_null});
  }
  return std::make_shared<const schema>(std::move(out));
}

std::vector<expression_ptr> bound_select::output_expressions() const {
  std::vector<expression_ptr> out;
  for (const auto& column : output) out.push_back(finish_expression(column.value.node));
  return out;
}

status select_binder::refuse_clauses(tree_node select) const {
  const auto at = context_.at(select);
  const auto refuse_at = [&](std::string_view field, std::string_view word) -> status {
    const auto node = select.child(field);
    if (!node) return {};
    return context_.refuse(context_.begin() + leftmost_location(node, at - context_.begin()), word);
  };
  WEIR_TRY_VOID(refuse_at("withClause", "with"));
  if (const auto op = select.text("op"); !op.empty() && op != "SETOP_NONE")
    return context_.refuse(context_.begin() + leftmost_location(select.child("rarg"), at - context_.begin()),
                           op == "SETOP_UNION"    ? "union"
                           : op == "SETOP_EXCEPT" ? "except"
                                                  : "intersect");
  WEIR_TRY_VOID(refuse_at("valuesLists", "values"));
  WEIR_TRY_VOID(refuse_at("intoClause", "into"));
  WEIR_TRY_VOID(refuse_at("lockingClause", "for update"));
  WEIR_TRY_VOID(refuse_at("windowClause", "over"));
  if (select.text("limitOption") == "LIMIT_OPTION_WITH_TIES") return context_.refuse(at, "with ties");
  for (const auto& item : select.list("distinctClause"))
    if (!item.kind().empty()) return context_.refuse(context_.at(item), "distinct on");
  if (select.list("targetList").empty())
    return context_.invalid(at, "SELECT names no columns", "write SELECT * or the columns");
  if (use_ == select_use::query) return {};
  for (const auto* field : {"sortClause", "limitCount", "limitOffset"}) WEIR_TRY_VOID(refuse_at(field, "top-k"));
  return {};
}

result<bound_select> select_binder::bind(tree_node select) {
  WEIR_TRY_VOID(refuse_clauses(select));
  bound_select out;
  WEIR_TRY_VOID(bind_from(select, out));
  if (const auto where = select.child("whereClause")) {
    expression_binder binder(context_, out.scope, "WHERE");
    WEIR_TRY(condition, binder.bind_boolean(where, "WHERE"));
    out.where = finish_expression(condition.node);
  }
  const auto targets = select.list("targetList");
  const bool distinct = select.has("distinctClause");
  const bool aggregates =
      contains_aggregate(select.child("targetList")) || contains_aggregate(select.child("havingClause"));
  const bool groups = select.has("groupClause") || select.has("havingClause") || aggregates;
  out.grouped = groups || distinct;
  out.groups.windowed = out.window.kind != window_kind::none;
  if (distinct && groups && use_ == select_use::query)
    return context_.fail(errc::unsupported, context_.at(targets.front()),
                         "DISTINCT together with GROUP BY or aggregates is not supported",
                         "leave DISTINCT out: groups are distinct already");
  WEIR_TRY_VOID(bind_group_keys(select, out));
  if (distinct && !groups) WEIR_TRY_VOID(bind_distinct_keys(targets, out));
  if (out.groups.windowed && !window_grouped_)
    return context_.invalid(out.from_at, fmt::format("a window over {} needs a GROUP BY", out.scope.relation),
                            "add GROUP BY window_start (or window_end)");
  WEIR_TRY_VOID(bind_output(targets, out));
  if (const auto having = select.child("havingClause")) {
    auto binder = output_binder(out);
    WEIR_TRY(condition, binder.bind_boolean(having, "HAVING"));
    out.having = finish_expression(condition.node);
  }
  WEIR_TRY_VOID(check_output(out));
  return out;
}

expression_binder select_binder::output_binder(bound_select& out) const {
  expression_binder binder(context_, out.scope, "SELECT", out.grouped ? &out.groups : nullptr);
  binder.upsert_input = use_ == select_use::view && out.view != nullptr && out.view->kind == view_kind::upsert;
  binder.ordered_input = use_ == select_use::view;
  return binder;
}

result<bound> select_binder::bind_output_expression(bound_select& select, tree_node node) const {
  auto binder = output_binder(select);
  WEIR_TRY(value, binder.bind(node));
  WEIR_TRY_VOID(binder.check_grouped(value));
  return value;
}

status select_binder::add_key(bound key, std::string name, bound_select& out) const {
  if (key.node->constant())
    return context_.invalid(key.at, "a constant in GROUP BY groups nothing", "name a column, or leave it out");
  if (key.type() == data_type::json)
    return context_.invalid(key.at, "json values cannot be compared, so not grouped",
                            "group by a text of it: j ->> 'key'");
  for (const auto& known : out.groups.keys)
    if (known.value.shape == key.shape) return {};
  if (out.groups.keys.size() == context_.limits().group_keys)
    return context_.fail(errc::limit_exceeded, key.at,
                         fmt::format("more than {} group keys", context_.limits().group_keys),
                         "group by fewer columns");
  out.groups.keys.push_back({std::move(key), std::move(name)});
  return {};
}

status select_binder::bind_group_key(tree_node item, const std::vector<tree_node>& targets, bound_select& out) {
  if (item.kind() == "GroupingSet") return context_.refuse(context_.at(item), "grouping sets");
  auto expression = item;
  std::string name = default_output_name(item);
  if (item.kind() == "A_Const") {
    const auto number = context_.integer_constant(item.unwrap());
    if (!item.unwrap().has("ival"))
      return context_.invalid(context_.at(item), "a constant in GROUP BY groups nothing",
                              "name a column, or leave it out");
    if (number < 1 || static_cast<std::size_t>(number) > targets.size())
      return context_.invalid(context_.at(item), fmt::format("GROUP BY position {} is not in the select list", number),
                              fmt::format("write a number from 1 to {}", targets.size()));
    expression = targets[static_cast<std::size_t>(number) - 1].unwrap().child("val");
    if (is_star(targets[static_cast<std::size_t>(number) - 1]))
      return context_.invalid(context_.at(item), "GROUP BY by number cannot mean *", "name the columns");
  } else if (const auto bare = bare_name(item); !bare.empty()) {
    // PostgreSQL's rule: a column of the input first, then an output's name.
    const bool of_window = out.groups.windowed && is_window_name(bare);
    if (!of_window && !out.scope.find(bare))
      for (const auto& target : targets)
        if (target.unwrap().text("name") == bare) expression = target.unwrap().child("val");
  }
  if (out.groups.windowed && is_window_name(bare_name(expression))) {
    window_grouped_ = true;
    return {};
  }
  if (const auto alias = bare_name(item); !alias.empty()) name = alias;
  expression_binder binder(context_, out.scope, "GROUP BY");
  WEIR_TRY(key, binder.bind(expression));
  return add_key(std::move(key), std::move(name), out);
}

status select_binder::bind_group_keys(tree_node select, bound_select& out) {
  const auto targets = select.list("targetList");
  if (select.flag("groupDistinct"))
    return context_.refuse(context_.at(select.list("groupClause").front()), "grouping sets");
  for (const auto& item : select.list("groupClause")) WEIR_TRY_VOID(bind_group_key(item, targets, out));
  return {};
}

status select_binder::bind_distinct_keys(const std::vector<tree_node>& targets, bound_select& out) {
  for (const auto& target : targets) {
    expression_binder binder(context_, out.scope, "SELECT DISTINCT");
    const auto value = target.unwrap().child("val");
    if (is_star(target)) {
      for (std::size_t i = 0; i < out.scope.columns().size(); ++i) {
        const auto& column = out.scope.columns()[i];
        if (column.in_star) WEIR_TRY_VOID(add_key(binder.bind_scope_column(i, context_.at(target)), column.name, out));
      }
      window_grouped_ = window_grouped_ || out.groups.windowed;
      continue;
    }
    if (out.groups.windowed && is_window_name(bare_name(value))) {
      window_grouped_ = true;
      continue;
    }
    WEIR_TRY(key, binder.bind(value));
    if (key.node->constant()) continue;
    WEIR_TRY_VOID(add_key(std::move(key), default_output_name(value), out));
  }
  return {};
}

status select_binder::expand_star(tree_node target, bound_select& out) const {
  const auto at = context_.at(target);
  const auto names = target.unwrap().child_of_kind("val", "ColumnRef").names("fields");
  if (names.size() == 2 && names.front() != out.scope.alias)
    return context_.invalid(at, fmt::format("there is no \"{}\" in FROM", names.front()),
                            fmt::format("columns of this statement are of {}", out.scope.alias));
  auto binder = output_binder(out);
  for (std::size_t i = 0; i < out.scope.columns().size(); ++i) {
    const auto& column = out.scope.columns()[i];
    if (!column.in_star || (out.scope.windowed && is_window_name(column.name))) continue;
    auto value = binder.bind_scope_column(i, at);
    WEIR_TRY_VOID(binder.check_grouped(value));
    out.output.push_back({column.name, std::move(value)});
  }
  if (!out.scope.windowed) return {};
  out.output.push_back({"window_start", binder.bind_window_column(false, at)});
  out.output.push_back({"window_end", binder.bind_window_column(true, at)});
  return {};
}

status select_binder::bind_output(const std::vector<tree_node>& targets, bound_select& out) {
  for (const auto& target : targets) {
    if (is_star(target)) {
      WEIR_TRY_VOID(expand_star(target, out));
      continue;
    }
    const auto fields = target.unwrap();
    WEIR_TRY(value, bind_output_expression(out, fields.child("val")));
    value.untyped = false;
    std::string name(fields.text("name"));
    if (name.empty()) name = default_output_name(fields.child("val"));
    out.output.push_back({std::move(name), std::move(value)});
  }
  return {};
}

status select_binder::check_output(const bound_select& out) const {
  if (out.output.size() > context_.limits().columns)
    return context_.fail(
        errc::limit_exceeded, out.output.back().value.at,
        fmt::format("{} columns, at most {} are allowed", out.output.size(), context_.limits().columns),
        "select fewer columns");
  std::vector<std::string_view> names;
  for (const auto& column : out.output) {
    if (column.name == "?column?" && use_ == select_use::view)
      return context_.invalid(column.value.at, "this column has no name", "write AS name behind it");
    if (std::find(names.begin(), names.end(), column.name) != names.end())
      return context_.invalid(column.value.at, fmt::format("two columns are named \"{}\"", column.name),
                              "write AS with another name behind one of them");
    names.push_back(column.name);
  }
  return {};
}

}  // namespace weir

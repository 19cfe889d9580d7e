// Names, literals, casts and the parts with a syntax of their own.
#include "runtime/sql/expression_binder.hpp"

#include <algorithm>
#include <charconv>

#include "runtime/format/text_value.hpp"
#include "runtime/sql/casts.hpp"
#include "runtime/sql/words.hpp"

namespace weir {

result<bound> expression_binder::bind(tree_node node) {
  const auto at = context_.at(node);
  WEIR_TRY_VOID(context_.count_node(at));
  WEIR_TRY(value, bind_inner(node));
  return take_group_key(std::move(value));
}

// A part that is a group key becomes the group's column.
bound expression_binder::take_group_key(bound value) const {
  if (groups_ == nullptr || value.node->constant()) return value;
  for (std::size_t i = 0; i < groups_->keys.size(); ++i) {
    const auto& key = groups_->keys[i].value;
    if (key.shape != value.shape) continue;
    value.node = make_column(i, key.type());
    value.ungrouped.reset();
    value.untyped = false;
    break;
  }
  return value;
}

result<bound> expression_binder::bind_boolean(tree_node node, std::string_view what) {
  WEIR_TRY(value, bind(node));
  WEIR_TRY_VOID(check_grouped(value));
  if (value.untyped) return coerce(std::move(value), data_type::boolean);
  if (value.type() != data_type::boolean)
    return context_.invalid(value.at, fmt::format("{} must be boolean, not {}", what, to_string(value.type())),
                            "compare it with something");
  return value;
}

status expression_binder::check_grouped(const bound& value) const {
  if (!value.ungrouped) return {};
  return context_.invalid(
      value.ungrouped->at,
      fmt::format("column \"{}\" must appear in the GROUP BY clause or be used in an aggregate function",
                  value.ungrouped->name),
      fmt::format("add it to GROUP BY, or write first({0}), last({0}), min({0}) or max({0})", value.ungrouped->name));
}

result<bound> expression_binder::bind_inner(tree_node node) {
  const auto kind = node.kind();
  const auto fields = node.unwrap();
  const auto at = context_.at(node);
  if (kind == "ColumnRef") return bind_column(fields, at);
  if (kind == "A_Const") return bind_constant(fields, at);
  if (kind == "A_Expr") return bind_operator_node(fields, at);
  if (kind == "BoolExpr") return bind_junction(fields, at);
  if (kind == "FuncCall") return bind_call(fields, at);
  if (kind == "TypeCast") return bind_cast(fields, at);
  if (kind == "CaseExpr") return bind_case(fields, at);
  if (kind == "CoalesceExpr") return bind_choice("coalesce", fields, at);
  if (kind == "MinMaxExpr") return bind_choice(fields.text("op") == "IS_GREATEST" ? "greatest" : "least", fields, at);
  if (kind == "NullTest" || kind == "BooleanTest") return bind_test(kind, fields, at);
  if (kind == "SQLValueFunction") {
    std::string name;
    for (char c : fields.text("op").substr(std::min<std::size_t>(6, fields.text("op").size())))
      name.push_back(static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c));
    if (name.ends_with("_n")) name.resize(name.size() - 2);
    return context_.refuse(at, name);
  }
  if (kind == "SubLink") return context_.refuse(at, "subquery");
  if (kind == "A_ArrayExpr") return context_.refuse(at, "array");
  if (kind == "RowExpr") return context_.refuse(at, "row");
  if (kind == "A_Indirection") return context_.refuse(at, "subscript");
  if (kind == "CollateClause") return context_.refuse(at, "collate");
  if (kind == "ParamRef") return context_.refuse(at, "parameter");
  if (kind == "GroupingFunc") return context_.refuse(at, "grouping sets");
  return context_.fail(errc::unsupported, at, fmt::format("this expression ({}) is not supported", kind),
                       "write it with operators and functions of the documentation's list");
}

result<std::vector<bound>> expression_binder::bind_all(const std::vector<tree_node>& nodes) {
  bounds out;
  for (const auto& node : nodes) {
    WEIR_TRY(value, bind(node));
    out.push_back(std::move(value));
  }
  return out;
}

bound expression_binder::above(node_ptr node, std::string_view description, const bounds& parts, std::size_t at) const {
  bound out{std::move(node), false, 0, at, std::nullopt};
  std::string shape(description);
  for (const auto& part : parts) {
    fmt::format_to(std::back_inserter(shape), " {}", part.shape);
    if (!out.ungrouped) out.ungrouped = part.ungrouped;
  }
  out.shape = context_.shape(shape);
  return out;
}

result<bound> expression_binder::bind_constant(tree_node fields, std::size_t at) {
  if (fields.has("sval")) {
    const auto text = fields.child("sval").text("sval");
    auto value = above(make_text(text), fmt::format("text {}", text), {}, at);
    value.untyped = true;
    return value;
  }
  if (fields.flag("isnull")) {
    auto value = above(make_null(data_type::text), "null", {}, at);
    value.untyped = true;
    return value;
  }
  if (fields.has("boolval")) {
    const bool v = fields.child("boolval").flag("boolval");
    return above(make_bigint(v ? 1 : 0, data_type::boolean), fmt::format("boolean {}", v), {}, at);
  }
  if (fields.has("bsval")) return context_.refuse(at, "bit string");
  std::string number(fields.child("fval").text("fval"));
  if (!fields.has("fval")) number = std::to_string(context_.integer_constant(fields));
  if (number.find_first_not_of("-0123456789") == std::string::npos) {
    std::int64_t v = 0;
    const auto [stop, failed] = std::from_chars(number.data(), number.data() + number.size(), v);
    if (failed != std::errc())
      return context_.invalid(at, fmt::format("{} is out of range for bigint", number),
                              fmt::format("write {}.0 for double precision", number));
    return above(make_bigint(v), fmt::format("bigint {}", v), {}, at);
  }
  const auto v = parse_double(number);
  if (!v) return context_.invalid(at, v.error().message, "write a number that double precision can hold");
  column one(data_type::double_precision);
  one.push_double(*v);
  return above(make_literal(std::move(one)), fmt::format("double {}", number), {}, at);
}

bound expression_binder::bind_scope_column(std::size_t index, std::size_t at) {
  const auto& column = scope_.columns()[index];
  bound out = above(make_column(scope_.use(index), column.type), fmt::format("column {}", index), {}, at);
  if (groups_ != nullptr) out.ungrouped = bound::ungrouped_column{column.name, at};
  return take_group_key(std::move(out));
}

bound expression_binder::bind_window_column(bool end, std::size_t at) {
  const auto column = groups_->window_start_column() + (end ? 1 : 0);
  return above(make_column(column, data_type::timestamptz), end ? "window_end" : "window_start", {}, at);
}

result<bound> expression_binder::bind_column(tree_node fields, std::size_t at) {
  const auto names = fields.names("fields");
  if (names.size() > 2) return context_.refuse(at, "schema");
  if (names.back() == "*") return context_.invalid(at, "* is not allowed here", "name the columns");
  const std::string& name = names.back();
  if (names.size() == 2 && names.front() != scope_.alias)
    return context_.invalid(at, fmt::format("there is no \"{}\" in FROM", names.front()),
                            fmt::format("columns of this statement are of {}", scope_.alias));
  if (scope_.windowed && (name == "window_start" || name == "window_end")) {
    if (groups_ == nullptr)
      return context_.invalid(at, fmt::format("{} cannot be used in {}", name, place_),
                              "group by window_start or window_end itself, and use it in SELECT and HAVING");
    return bind_window_column(name == "window_end", at);
  }
  const auto found = scope_.find(name);
  if (!found) {
    std::vector<std::string_view> known;
    for (const auto& column : scope_.columns()) known.push_back(column.name);
    if (scope_.windowed) known.insert(known.end(), {"window_start", "window_end"});
    if (known.size() > 20) known.resize(20);
    return context_.invalid(at, fmt::format("column \"{}\" does not exist in {}", name, scope_.relation),
                            fmt::format("columns are {}", fmt::join(known, ", ")));
  }
  return bind_scope_column(*found, at);
}

result<bound> expression_binder::coerce(bound value, data_type to) const {
  if (value.untyped) {
    value.untyped = false;
    if (value.node->constant()->is_null(0)) {
      value.node = make_null(to);
      return value;
    }
    if (to == data_type::text) return value;
    column typed(to);
    const auto read = push_text_value(typed, value.node->constant()->text(0));
    if (!read)
      return context_.invalid(value.at, fmt::format("invalid {}: {}", to_string(to), read.error().message),
                              read.error().hint);
    value.node = make_literal(std::move(typed));
    return value;
  }
  if (value.type() == to) return value;
  if (value.type() == data_type::bigint && to == data_type::double_precision) {
    value.node = make_cast(std::move(value.node), to);
    return value;
  }
  return context_.invalid(value.at, fmt::format("this is {}, expected {}", to_string(value.type()), to_string(to)),
                          fmt::format("write a cast: (...)::{}", to_string(to)));
}

result<data_type> expression_binder::unify(bounds& values, std::string_view what) const {
  std::optional<data_type> type;
  for (const auto& value : values) {
    if (value.untyped) continue;
    const auto t = value.type();
    const bool both_numbers = type && ((*type == data_type::bigint && t == data_type::double_precision) ||
                                       (*type == data_type::double_precision && t == data_type::bigint));
    if (!type)
      type = t;
    else if (both_numbers)
      type = data_type::double_precision;
    else if (*type != t)
      return context_.invalid(value.at,
                              fmt::format("{} types {} and {} cannot be matched", what, to_string(*type), to_string(t)),
                              "write a cast to the same type");
  }
  const auto common = type.value_or(data_type::text);
  for (auto& value : values) {
    WEIR_TRY(coerced, coerce(std::move(value), common));
    value = std::move(coerced);
  }
  return common;
}

result<bound> expression_binder::bind_cast(tree_node fields, std::size_t at) {
  const auto type_name = fields.child("typeName");
  const auto to = resolve_type(type_name);
  if (!to) return context_.fail(errc::unsupported, context_.at(type_name), to.error().message, to.error().hint);
  WEIR_TRY(value, bind(fields.child("arg")));
  const auto shape = fmt::format("cast {} {}", static_cast<int>(to->type), to->integer_bits);
  if (value.untyped) {
    WEIR_TRY(typed, coerce(std::move(value), to->type));
    value = std::move(typed);
  }
  const auto from = value.type();
  auto node = make_cast(value.node, *to);
  if (!node) {
    std::string hint = from == data_type::timestamptz || from == data_type::interval
                           ? "write extract(epoch from ...) for its seconds"
                           : "cast to text first, and that to the type";
    if (to->type == data_type::timestamptz) hint = "write to_timestamp(seconds)";
    return context_.invalid(at, fmt::format("cannot cast type {} to {}", to_string(from), to->name), hint);
  }
  return above(std::move(node), shape, {value}, at);
}

result<bound> expression_binder::bind_junction(tree_node fields, std::size_t at) {
  const auto op = fields.text("boolop");
  const auto name = op == "NOT_EXPR" ? "NOT" : op == "AND_EXPR" ? "AND" : "OR";
  bounds parts;
  std::vector<node_ptr> nodes;
  for (const auto& argument : fields.list("args")) {
    WEIR_TRY(value, bind(argument));
    if (value.untyped) {
      WEIR_TRY(typed, coerce(std::move(value), data_type::boolean));
      value = std::move(typed);
    }
    if (value.type() != data_type::boolean)
      return context_.invalid(value.at,
                              fmt::format("argument of {} must be boolean, not {}", name, to_string(value.type())),
                              "compare it with something");
    nodes.push_back(value.node);
    parts.push_back(std::move(value));
  }
  if (op == "NOT_EXPR") return above(make_not(std::move(nodes.front())), "not", parts, at);
  return above(op == "AND_EXPR" ? make_and(std::move(nodes)) : make_or(std::move(nodes)), name, parts, at);
}

result<bound> expression_binder::bind_case(tree_node fields, std::size_t at) {
  std::vector<case_branch> branches;
  bounds parts;
  bounds results;
  const auto subject = fields.child("arg");
  for (const auto& when : fields.list("args")) {
    const auto branch = when.unwrap();
    if (subject) {
      WEIR_TRY(left, bind(subject));
      WEIR_TRY(right, bind(branch.child("expr")));
      WEIR_TRY(condition,
               bind_comparison(comparison_kind::equal, std::move(left), std::move(right), context_.at(when)));
      parts.push_back(std::move(condition));
    } else {
      WEIR_TRY(condition, bind(branch.child("expr")));
      if (condition.untyped) {
        WEIR_TRY(typed, coerce(std::move(condition), data_type::boolean));
        condition = std::move(typed);
      }
      if (condition.type() != data_type::boolean)
        return context_.invalid(condition.at,
                                fmt::format("a WHEN condition must be boolean, not {}", to_string(condition.type())),
                                "compare it with something");
      parts.push_back(std::move(condition));
    }
    branches.push_back({parts.back().node, nullptr});
    WEIR_TRY(value, bind(branch.child("result")));
    results.push_back(std::move(value));
  }
  const auto otherwise = fields.child("defresult");
  if (otherwise) {
    WEIR_TRY(value, bind(otherwise));
    results.push_back(std::move(value));
  }
  WEIR_TRY(type, unify(results, "CASE"));
  for (std::size_t i = 0; i < branches.size(); ++i) branches[i].result = results[i].node;
  auto node = make_case(type, std::move(branches), otherwise ? results.back().node : make_null(type));
  parts.insert(parts.end(), results.begin(), results.end());
  return above(std::move(node), otherwise ? "case else" : "case", parts, at);
}

result<bound> expression_binder::bind_choice(std::string_view name, tree_node fields, std::size_t at) {
  WEIR_TRY(values, bind_all(fields.list("args")));
  WEIR_TRY(type, unify(values, name));
  std::vector<node_ptr> nodes;
  for (const auto& value : values) nodes.push_back(value.node);
  if (name == "coalesce") return above(make_coalesce(type, std::move(nodes)), name, values, at);
  if (type == data_type::json)
    return context_.invalid(at, fmt::format("{} cannot compare json values", name),
                            "compare them as text: j ->> 'key'");
  return above(make_extreme(std::move(nodes), name == "greatest"), name, values, at);
}

result<bound> expression_binder::bind_test(std::string_view kind, tree_node fields, std::size_t at) {
  WEIR_TRY(value, bind(fields.child("arg")));
  if (kind == "NullTest") {
    const bool negated = fields.text("nulltesttype") == "IS_NOT_NULL";
    return above(make_is_null(value.node, negated), negated ? "is not null" : "is null", {value}, at);
  }
  WEIR_TRY(flag, coerce(std::move(value), data_type::boolean));
  const auto test = fields.text("booltesttype");
  std::optional<bool> wanted;
  if (test.ends_with("TRUE")) wanted = true;
  if (test.ends_with("FALSE")) wanted = false;
  return above(make_is_boolean(flag.node, wanted, test.starts_with("IS_NOT")), test, {flag}, at);
}

}  // namespace weir

// Operators: comparisons, arithmetic, patterns, IN, BETWEEN.
#include <algorithm>

#include "runtime/sql/arithmetic.hpp"
#include "runtime/sql/casts.hpp"
#include "runtime/sql/concatenation.hpp"
#include "runtime/sql/expression_binder.hpp"
#include "runtime/sql/function_table.hpp"
#include "runtime/sql/patterns.hpp"

namespace weir {
namespace {

std::optional<comparison_kind> find_comparison(std::string_view op) {
  if (op == "=") return comparison_kind::equal;
  if (op == "<>") return comparison_kind::not_equal;
  if (op == "<") return comparison_kind::less;
  if (op == "<=") return comparison_kind::less_equal;
  if (op == ">") return comparison_kind::greater;
  if (op == ">=") return comparison_kind::greater_equal;
  return std::nullopt;
}

std::string_view shown_type(const bound& value) { return value.untyped ? "unknown" : to_string(value.type()); }

}  // namespace

tl::unexpected<error> expression_binder::no_operator(std::string_view op, const bound* left, const bound& right,
                                                     std::size_t at) const {
  const auto what = left == nullptr ? fmt::format("{} {}", op, shown_type(right))
                                    : fmt::format("{} {} {}", shown_type(*left), op, shown_type(right));
  return context_.invalid(at, fmt::format("operator does not exist: {}", what),
                          "write a cast on one side, such as x::double precision");
}

status expression_binder::unify_pair(bound& left, bound& right) const {
  bounds both{left, right};
  WEIR_TRY_VOID(unify(both, "operator"));
  left = std::move(both[0]);
  right = std::move(both[1]);
  return {};
}

result<bound> expression_binder::bind_comparison(comparison_kind kind, bound left, bound right, std::size_t at) {
  constexpr std::string_view names[] = {"=", "<>", "<", "<=", ">", ">="};
  const auto name = names[static_cast<std::size_t>(kind)];
  if (!unify_pair(left, right)) {
    if (left.untyped || right.untyped) WEIR_TRY_VOID(unify_pair(left, right));
    return no_operator(name, &left, right, at);
  }
  if (left.type() == data_type::json)
    return context_.invalid(at, fmt::format("operator does not exist: json {} json", name),
                            "compare them as text: j ->> 'key'");
  return above(make_comparison(kind, left.node, right.node), name, {left, right}, at);
}

result<bound> expression_binder::bind_arithmetic(char op, bound left, bound right, std::size_t at) {
  constexpr auto time = data_type::timestamptz;
  const std::string name(1, op);
  if (left.untyped && right.untyped) return no_operator(name, &left, right, at);
  // A quoted text beside a time is a time for -, else an interval; beside anything else it is of the same type.
  const auto literal_type = [&](const bound& other, bool on_the_right) {
    if (other.type() != time) return other.type();
    return op == '-' && !on_the_right ? time : data_type::interval;
  };
  if (left.untyped) {
    WEIR_TRY(typed, coerce(std::move(left), literal_type(right, false)));
    left = std::move(typed);
  } else if (right.untyped) {
    WEIR_TRY(typed, coerce(std::move(right), literal_type(left, true)));
    right = std::move(typed);
  }
  const auto type = arithmetic_type(op, left.type(), right.type());
  if (!type) return no_operator(name, &left, right, at);
  if (*type == data_type::double_precision) WEIR_TRY_VOID(unify_pair(left, right));
  return above(make_arithmetic(op, left.node, right.node), name, {left, right}, at);
}

result<bound> expression_binder::bind_regex(const std::string& op, bound left, bound right, std::size_t at) {
  if (!left.untyped && left.type() != data_type::text) return no_operator(op, &left, right, at);
  const auto pattern = right.node->constant();
  if (right.type() != data_type::text || !pattern)
    return context_.fail(errc::unsupported, right.at, "a regular expression must be a quoted text",
                         "write the pattern itself, or use LIKE, starts_with or strpos");
  if (pattern->is_null(0)) return above(make_null(data_type::boolean), op, {left, right}, at);
  auto node = make_regex_match(left.node, pattern->text(0), op.ends_with('*'), op.starts_with('!'));
  if (!node)
    return context_.invalid(right.at, fmt::format("invalid regular expression: {}", node.error()),
                            "the syntax is RE2's: no back references and no look-around");
  return above(std::move(*node), op, {left, right}, at);
}

result<bound> expression_binder::bind_concatenation(bounds values, bool skip_nulls, std::size_t at) {
  std::vector<node_ptr> texts;
  for (const auto& value : values) {
    const bool letter =
        skip_nulls && value.type() == data_type::boolean;  // concat(true) is 't', 'x' || true is 'xtrue'
    texts.push_back(letter ? make_boolean_letter(value.node) : make_cast(value.node, data_type::text));
  }
  return above(make_concatenation(std::move(texts), skip_nulls), skip_nulls ? "concat" : "||", values, at);
}

result<bound> expression_binder::bind_binary(const std::string& op, bound left, bound right, std::size_t at) {
  if (const auto kind = find_comparison(op)) return bind_comparison(*kind, std::move(left), std::move(right), at);
  if (op.size() == 1 && std::string_view("+-*/%").find(op[0]) != std::string_view::npos)
    return bind_arithmetic(op[0], std::move(left), std::move(right), at);
  if (op == "||") {
    const bool text = left.type() == data_type::text || right.type() == data_type::text;
    if (!text) return no_operator(op, &left, right, at);
    return bind_concatenation({std::move(left), std::move(right)}, false, at);
  }
  if (op == "~" || op == "~*" || op == "!~" || op == "!~*")
    return bind_regex(op, std::move(left), std::move(right), at);
  if (op == "->" || op == "->>") {
    if (left.untyped || left.type() != data_type::json) return no_operator(op, &left, right, at);
    return bind_scalar_call(op, {std::move(left), std::move(right)}, at);
  }
  if (op == "^") return context_.fail(errc::unsupported, at, "operator ^ is not supported", "write power(x, y)");
  return context_.fail(errc::unsupported, at, fmt::format("operator {} is not supported", op),
                       "operators are + - * / % = <> < <= > >= || ~ ~* !~ !~* -> ->> LIKE ILIKE IN BETWEEN");
}

result<bound> expression_binder::bind_unary(const std::string& op, bound value, std::size_t at) {
  const auto type = value.type();
  const bool number = !value.untyped && (type == data_type::bigint || type == data_type::double_precision);
  if (op == "+" && number) return above(value.node, "+", {value}, at);
  if (op == "-" && (number || (!value.untyped && type == data_type::interval)))
    return above(make_negation(value.node), "negate", {value}, at);
  return no_operator(op, nullptr, value, at);
}

result<bound> expression_binder::bind_operator_node(tree_node fields, std::size_t at) {
  const auto kind = fields.text("kind");
  if (kind == "AEXPR_IN") return bind_in(fields, at);
  if (kind == "AEXPR_LIKE") return bind_like(fields, false, at);
  if (kind == "AEXPR_ILIKE") return bind_like(fields, true, at);
  if (kind.find("BETWEEN") != std::string_view::npos) return bind_between(fields, kind, at);
  if (kind == "AEXPR_SIMILAR") return context_.refuse(at, "similar to");
  if (kind == "AEXPR_OP_ANY" || kind == "AEXPR_OP_ALL") return context_.refuse(at, "any");
  const auto names = fields.names("name");
  if (names.size() != 1) return context_.refuse(at, "schema");
  if (!fields.has("lexpr")) {
    WEIR_TRY(value, bind(fields.child("rexpr")));
    return bind_unary(names.front(), std::move(value), at);
  }
  WEIR_TRY(left, bind(fields.child("lexpr")));
  WEIR_TRY(right, bind(fields.child("rexpr")));
  if (kind == "AEXPR_OP") return bind_binary(names.front(), std::move(left), std::move(right), at);
  const std::string_view what = kind == "AEXPR_NULLIF" ? "NULLIF" : "IS DISTINCT FROM";
  bounds both{std::move(left), std::move(right)};
  WEIR_TRY(type, unify(both, what));
  if (type == data_type::json)
    return context_.invalid(at, fmt::format("{} cannot compare json values", what),
                            "compare them as text: j ->> 'key'");
  if (kind == "AEXPR_NULLIF") return above(make_nullif(both[0].node, both[1].node), what, both, at);
  const bool negated = kind == "AEXPR_NOT_DISTINCT";
  return above(make_distinct(both[0].node, both[1].node, negated), kind, both, at);
}

result<bound> expression_binder::bind_between(tree_node fields, std::string_view kind, std::size_t at) {
  if (kind.ends_with("_SYM"))
    return context_.fail(errc::unsupported, at, "BETWEEN SYMMETRIC is not supported",
                         "write x BETWEEN least(a, b) AND greatest(a, b)");
  const auto limits = fields.child_of_kind("rexpr", "List").list("items");
  WEIR_TRY(value, bind(fields.child("lexpr")));
  WEIR_TRY(low, bind(limits.front()));
  WEIR_TRY(high, bind(limits.back()));
  WEIR_TRY(above_low, bind_comparison(comparison_kind::greater_equal, value, std::move(low), at));
  WEIR_TRY(below_high, bind_comparison(comparison_kind::less_equal, std::move(value), std::move(high), at));
  auto node = make_and({above_low.node, below_high.node});
  if (kind == "AEXPR_NOT_BETWEEN") node = make_not(std::move(node));
  return above(std::move(node), kind, {above_low, below_high}, at);
}

result<bound> expression_binder::bind_in(tree_node fields, std::size_t at) {
  const bool negated = fields.names("name") == std::vector<std::string>{"<>"};
  WEIR_TRY(value, bind(fields.child("lexpr")));
  bounds all{std::move(value)};
  const auto list = fields.child_of_kind("rexpr", "List");
  WEIR_TRY(items, bind_all(list.list("items")));
  all.insert(all.end(), std::make_move_iterator(items.begin()), std::make_move_iterator(items.end()));
  WEIR_TRY(type, unify(all, "IN"));
  if (type == data_type::json)
    return context_.invalid(at, "IN cannot compare json values", "compare them as text: j ->> 'key'");
  std::vector<node_ptr> nodes;
  for (auto item = all.begin() + 1; item != all.end(); ++item) nodes.push_back(item->node);
  const auto literal = [](const node_ptr& n) { return n->constant() != nullptr; };
  const std::string_view name = negated ? "not in" : "in";
  if (std::all_of(nodes.begin(), nodes.end(), literal))
    return above(make_in_literals(all.front().node, std::move(nodes), negated), name, all, at);
  for (auto& node : nodes) node = make_comparison(comparison_kind::equal, all.front().node, std::move(node));
  auto node = make_or(std::move(nodes));
  return above(negated ? make_not(std::move(node)) : std::move(node), name, all, at);
}

result<bound> expression_binder::bind_like(tree_node fields, bool ignore_case, std::size_t at) {
  const bool negated = fields.names("name").front().starts_with('!');
  WEIR_TRY(text, bind(fields.child("lexpr")));
  auto pattern_node = fields.child("rexpr");
  char32_t escape = '\\';
  const auto call = fields.child_of_kind("rexpr", "FuncCall");
  if (call && call.names("funcname").back() == "like_escape") {
    const auto arguments = call.list("args");
    const auto character = arguments.back().unwrap().child("sval").text("sval");
    const auto decoded = single_character(character);
    if (!decoded)
      return context_.invalid(context_.at(arguments.back()), "ESCAPE must be one quoted character, or ''",
                              "write ESCAPE '!'");
    escape = *decoded;
    pattern_node = arguments.front();
  }
  WEIR_TRY(pattern, bind(pattern_node));
  const std::string op = ignore_case ? "ILIKE" : "LIKE";
  if (text.type() != data_type::text || pattern.type() != data_type::text) return no_operator(op, &text, pattern, at);
  auto node = make_like(text.node, pattern.node, {escape, ignore_case, negated});
  if (!node) return context_.invalid(pattern.at, node.error(), "write the escape character twice to mean itself");
  return above(std::move(*node), fmt::format("{}{} {}", negated ? "not " : "", op, static_cast<unsigned>(escape)),
               {text, pattern}, at);
}

}  // namespace weir

// Calls: aggregates and scalar functions.
#include <algorithm>

#include "runtime/sql/expression_binder.hpp"
#include "runtime/sql/function_table.hpp"
#include "runtime/sql/select_binder.hpp"
#include "runtime/sql/words.hpp"

namespace weir {
namespace {

struct aggregate_name {
  std::string_view name;
  aggregate_kind kind;
};

constexpr aggregate_name aggregate_names[] = {
    {"count", aggregate_kind::count},
    {"sum", aggregate_kind::sum},
    {"avg", aggregate_kind::avg},
    {"min", aggregate_kind::min},
    {"max", aggregate_kind::max},
    {"stddev", aggregate_kind::stddev},
    {"stddev_samp", aggregate_kind::stddev},
    {"variance", aggregate_kind::variance},
    {"var_samp", aggregate_kind::variance},
    {"first", aggregate_kind::first},
    {"last", aggregate_kind::last},
};

std::optional<aggregate_kind> find_aggregate(std::string_view name) {
  for (const auto& entry : aggregate_names)
    if (entry.name == name) return entry.kind;
  return std::nullopt;
}

bool is_number(data_type t) { return t == data_type::bigint || t == data_type::double_precision; }

bool is_ordered(data_type t) {
  return is_number(t) || t == data_type::text || t == data_type::timestamptz || t == data_type::interval;
}

bool keeps_extremes(aggregate_kind kind) {
  return kind == aggregate_kind::min || kind == aggregate_kind::max || kind == aggregate_kind::first ||
         kind == aggregate_kind::last;
}

// The answer's type; none when the aggregate does not take the argument's type.
std::optional<data_type> aggregate_type(aggregate_kind kind, data_type argument) {
  switch (kind) {
    case aggregate_kind::count_rows:
    case aggregate_kind::count: return data_type::bigint;
    case aggregate_kind::sum: return is_number(argument) ? std::optional(argument) : std::nullopt;
    case aggregate_kind::avg:
    case aggregate_kind::stddev:
    case aggregate_kind::variance:
      return is_number(argument) ? std::optional(data_type::double_precision) : std::nullopt;
    case aggregate_kind::min:
    case aggregate_kind::max: return is_ordered(argument) ? std::optional(argument) : std::nullopt;
    case aggregate_kind::first:
    case aggregate_kind::last: return argument;
  }
  return std::nullopt;
}

std::string argument_hint(data_type argument) {
  if (argument == data_type::interval) return "write extract(epoch from ...) for its seconds";
  if (argument == data_type::boolean) return "write count(*) FILTER (WHERE ...), or ...::bigint";
  return "write a cast, such as ...::double precision";
}

std::string shown_arguments(const std::vector<bound>& arguments) {
  std::string out;
  for (const auto& a : arguments) {
    if (!out.empty()) out += ", ";
    out += a.untyped ? "unknown" : std::string(to_string(a.type()));
  }
  return out;
}

// How well a signature fits; below zero when it does not.
int fit(const scalar_function& f, const std::vector<bound>& arguments) {
  if (f.arguments.size() != arguments.size()) return -1;
  int score = 0;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const auto wanted = f.arguments[i];
    if (arguments[i].untyped)
      score += wanted == data_type::text ? 2 : 1;
    else if (arguments[i].type() == wanted)
      score += 3;
    else if (arguments[i].type() != data_type::bigint || wanted != data_type::double_precision)
      return -1;
  }
  return score;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const auto next = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = std::exchange(row[j], next);
    }
  }
  return row[b.size()];
}

std::string similar_name(std::string_view name) {
  std::size_t best = 3;
  std::string_view found;
  for (auto known : function_names()) {
    const auto distance = edit_distance(name, known);
    if (distance >= best || distance * 2 > name.size()) continue;
    best = distance;
    found = known;
  }
  if (found.empty()) return "the documentation lists the functions that there are";
  return fmt::format("did you mean {}?", found);
}

}  // namespace

bool is_aggregate_name(std::string_view name) { return find_aggregate(name).has_value(); }

status expression_binder::check_plain_call(const std::string& name, tree_node fields, std::size_t at) const {
  if (fields.flag("agg_distinct"))
    return context_.invalid(at, fmt::format("DISTINCT is for aggregates, {} is a function of one row", name),
                            "leave DISTINCT out");
  if (fields.has("agg_filter"))
    return context_.invalid(at, fmt::format("FILTER is for aggregates, {} is a function of one row", name),
                            "write CASE WHEN ... THEN ... END");
  if (fields.flag("agg_star"))
    return context_.invalid(at, fmt::format("{}(*) does not exist", name), "name an argument");
  return {};
}

result<bound> expression_binder::bind_call(tree_node fields, std::size_t at) {
  const auto names = fields.names("funcname");
  if (names.size() > 2 || (names.size() == 2 && names.front() != "pg_catalog")) return context_.refuse(at, "schema");
  const std::string& name = names.back();
  if (fields.has("over")) return context_.refuse(at, "over");
  if (const auto* word = find_word(name); word != nullptr && !word->runs) return context_.refuse(at, name);
  if (fields.flag("agg_within_group")) return context_.refuse(at, "within group");
  if (fields.has("agg_order")) return context_.refuse(at, "aggregate order by");
  if (fields.flag("func_variadic"))
    return context_.fail(errc::unsupported, at, "VARIADIC is not supported", "name the arguments one by one");
  if (find_aggregate(name)) return bind_aggregate(name, fields, at);
  if (name == "tumble" || name == "session")
    return context_.invalid(at, fmt::format("{} belongs in FROM", name),
                            fmt::format("write FROM {}(stream, interval '5 seconds')", name));
  WEIR_TRY_VOID(check_plain_call(name, fields, at));
  for (const auto& argument : fields.list("args"))
    if (argument.kind() == "NamedArgExpr")
      return context_.fail(errc::unsupported, context_.at(argument), "named arguments are not supported",
                           "give the arguments in their order");
  WEIR_TRY(arguments, bind_all(fields.list("args")));
  if (name == "concat") {
    if (arguments.empty()) return context_.invalid(at, "concat needs an argument", "write concat(a, b)");
    return bind_concatenation(std::move(arguments), true, at);
  }
  return bind_scalar_call(name, std::move(arguments), at);
}

result<bound> expression_binder::bind_scalar_call(const std::string& name, bounds arguments, std::size_t at) {
  const auto overloads = find_functions(name);
  if (overloads.empty())
    return context_.invalid(at, fmt::format("function {} does not exist", name), similar_name(name));
  const scalar_function* best = nullptr;
  int best_fit = -1;
  for (const auto* candidate : overloads) {
    const int score = fit(*candidate, arguments);
    if (score > best_fit) {
      best = candidate;
      best_fit = score;
    }
  }
  if (best == nullptr) {
    std::vector<std::string> signatures;
    for (const auto* f : overloads) {
      std::vector<std::string_view> types;
      for (auto t : f->arguments) types.push_back(to_string(t));
      signatures.push_back(fmt::format("{}({})", name, fmt::join(types, ", ")));
    }
    return context_.invalid(at, fmt::format("function {}({}) does not exist", name, shown_arguments(arguments)),
                            fmt::format("there is {}", fmt::join(signatures, ", ")));
  }
  std::vector<node_ptr> nodes;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    WEIR_TRY(typed, coerce(std::move(arguments[i]), best->arguments[i]));
    arguments[i] = std::move(typed);
    nodes.push_back(arguments[i].node);
  }
  auto run = best->run;
  if (best->prepare != nullptr) {
    auto prepared = best->prepare(nodes);
    if (!prepared) {
      const auto& problem = prepared.error();
      return context_.fail(errc::unsupported, arguments[problem.argument].at, problem.message, problem.hint);
    }
    run = std::move(*prepared);
  }
  const auto types = fmt::format("{} {}", name, static_cast<const void*>(best));
  return above(make_call(best->result, std::move(nodes), std::move(run), best->can_fail), types, arguments, at);
}

result<bound> expression_binder::bind_aggregate(const std::string& name, tree_node fields, std::size_t at) {
  if (groups_ == nullptr)
    return context_.invalid(at, fmt::format("aggregate functions are not allowed in {}", place_),
                            place_ == "WHERE" ? "write HAVING for conditions on groups" : "leave the inner one out");
  expression_binder inner(context_, scope_, "an aggregate's argument");
  aggregate_call call;
  call.kind = *find_aggregate(name);
  call.distinct = fields.flag("agg_distinct");
  bounds parts;
  const auto arguments = fields.list("args");
  if (fields.flag("agg_star")) {
    if (name != "count")
      return context_.invalid(at, fmt::format("{}(*) does not exist", name), fmt::format("name a column: {}(x)", name));
    call.kind = aggregate_kind::count_rows;
  } else {
    if (arguments.size() != 1)
      return context_.invalid(at, fmt::format("{} takes one argument", name), fmt::format("write {}(x)", name));
    WEIR_TRY(value, inner.bind(arguments.front()));
    if (value.untyped) value.untyped = false;
    const auto type = aggregate_type(call.kind, value.type());
    if (!type || (call.distinct && value.type() == data_type::json))
      return context_.invalid(
          at, fmt::format("{}({}{}) does not exist", name, call.distinct ? "DISTINCT " : "", to_string(value.type())),
          argument_hint(value.type()));
    call.type = *type;
    call.argument = finish_expression(value.node);
    parts.push_back(std::move(value));
  }
  if (call.distinct && keeps_extremes(call.kind))
    call.distinct = call.kind == aggregate_kind::first || call.kind == aggregate_kind::last;
  if (call.distinct && call.kind != aggregate_kind::count && call.kind != aggregate_kind::sum &&
      call.kind != aggregate_kind::avg)
    return context_.fail(errc::unsupported, at, fmt::format("{}(DISTINCT ...) is not supported", name),
                         "DISTINCT is for count, sum, avg, min and max");
  if (upsert_input && (call.distinct || keeps_extremes(call.kind)))
    return context_.fail(errc::unsupported, at,
                         fmt::format("{}{} cannot take a row back, and rows of {} are replaced", name,
                                     call.distinct ? "(DISTINCT ...)" : "", scope_.relation),
                         "write count, sum, avg, stddev or variance, or read a view that only adds rows");
  if (!ordered_input && (call.kind == aggregate_kind::first || call.kind == aggregate_kind::last))
    return context_.fail(errc::unsupported, at, fmt::format("{} needs an order, and a view's rows have none", name),
                         "write min or max, or ORDER BY ... LIMIT 1");
  if (const auto filter = fields.child("agg_filter")) {
    WEIR_TRY(condition, inner.bind_boolean(filter, "FILTER"));
    call.filter = finish_expression(condition.node);
    parts.push_back(std::move(condition));
  }
  const auto description =
      fmt::format("aggregate {} {} {}", static_cast<int>(call.kind), call.distinct, call.filter != nullptr);
  bound out = above(nullptr, description, parts, at);
  const auto known = std::find(groups_->aggregate_shapes.begin(), groups_->aggregate_shapes.end(), out.shape);
  const auto index = static_cast<std::size_t>(known - groups_->aggregate_shapes.begin());
  if (known == groups_->aggregate_shapes.end()) {
    groups_->aggregates.push_back(call);
    groups_->aggregate_shapes.push_back(out.shape);
  }
  out.node = make_column(groups_->aggregate_column(index), call.type);
  return out;
}

}  // namespace weir

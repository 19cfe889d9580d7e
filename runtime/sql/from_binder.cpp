// FROM: a stream, a view, or a window function over one.
#include "runtime/sql/select_binder.hpp"
#include "runtime/sql/words.hpp"
#include "runtime/time/timestamp.hpp"

namespace weir {

status select_binder::bind_from(tree_node select, bound_select& out) {
  const auto ranges = select.list("fromClause");
  if (ranges.empty())
    return context_.invalid(context_.at(select.child("targetList")), "FROM is missing",
                            use_ == select_use::view ? "write FROM and a stream or a view" : "write FROM and a view");
  out.from_at = context_.at(ranges.front());
  for (const auto& range : ranges) {
    if (range.unwrap().flag("lateral")) return context_.refuse(context_.at(range), "lateral");
    if (range.kind() == "JoinExpr") return context_.refuse(context_.at(range), "join");
    if (range.kind() == "RangeSubselect") return context_.refuse(context_.at(range), "subquery");
    if (range.kind() == "RangeTableSample") return context_.refuse(context_.at(range), "tablesample");
  }
  if (ranges.size() > 1) {
    // A function that only joins know says more than the comma does.
    for (const auto& range : ranges)
      if (range.kind() == "RangeFunction") WEIR_TRY_VOID(bind_window_function(range, out));
    return context_.refuse(context_.at(ranges[1]), "join");
  }
  const auto range = ranges.front();
  if (range.kind() == "RangeFunction") return bind_window_function(range, out);
  if (range.kind() != "RangeVar")
    return context_.fail(errc::unsupported, out.from_at, "this FROM is not supported", "name one stream or view");
  const auto fields = range.unwrap();
  if (!fields.flag("inh")) return context_.refuse(out.from_at, "only");
  WEIR_TRY(name, read_relation_name(context_, fields));
  WEIR_TRY_VOID(bind_relation(name, out.from_at, out));
  const auto alias = fields.child("alias");
  if (alias.has("colnames")) return context_.refuse(out.from_at, "column aliases");
  if (alias) out.scope.alias = alias.text("aliasname");
  return {};
}

status select_binder::bind_relation(const std::string& name, std::size_t at, bound_select& out) const {
  const auto& known = context_.known();
  out.scope.relation = name;
  out.scope.alias = name;
  const auto stream = known.streams.find(name);
  if (stream != known.streams.end()) {
    if (use_ == select_use::query)
      return context_.fail(
          errc::unsupported, at, fmt::format("{} is a stream, and queries read views", name),
          fmt::format("query a view over it, or see its newest records with: weir stream tail {}", name));
    out.stream = &stream->second;
    const auto& fields = out.stream->columns->fields;
    for (std::size_t i = 0; i < fields.size(); ++i)
      out.scope.add({fields[i].name, fields[i].type, fields[i].not_null, {input_field::origin::column, i}, true});
    if (!out.scope.find("source"))
      out.scope.add({"source", data_type::text, true, {input_field::origin::source, 0}, false});
    if (!out.scope.find("event_time"))
      out.scope.add({"event_time", data_type::timestamptz, true, {input_field::origin::event_time, 0}, false});
    return {};
  }
  const auto view = known.views.find(name);
  if (view == known.views.end()) {
    std::vector<std::string_view> names;
    for (const auto& [known_name, definition] : known.streams) names.push_back(known_name);
    for (const auto& [known_name, plan] : known.views) names.push_back(known_name);
    if (names.size() > 20) names.resize(20);
    return context_.fail(errc::not_found, at, fmt::format("there is no stream or view named {}", name),
                         names.empty() ? std::string("make the stream first: CREATE TABLE ...")
                                       : fmt::format("there are {}", fmt::join(names, ", ")));
  }
  out.view = &view->second;
  const auto& fields = out.view->output_columns->fields;
  for (std::size_t i = 0; i < fields.size(); ++i)
    out.scope.add({fields[i].name, fields[i].type, fields[i].not_null, {input_field::origin::column, i}, true});
  if (use_ == select_use::query)  // queries are over all columns of the view
    for (std::size_t i = 0; i < fields.size(); ++i) out.scope.use(i);
  return {};
}

status select_binder::bind_window_function(tree_node range, bound_select& out) {
  const auto at = context_.at(range);
  const auto fields = range.unwrap();
  const auto functions = fields.list("functions");
  if (functions.size() != 1 || fields.flag("ordinality") || fields.flag("is_rowsfrom"))
    return context_.fail(errc::unsupported, at, "this FROM is not supported", "name one stream, view or window");
  const auto items = functions.front().unwrap().list("items");
  if (items.empty() || items.front().kind() != "FuncCall")
    return context_.fail(errc::unsupported, at, "this FROM is not supported", "name one stream, view or window");
  const auto call = items.front().unwrap();
  const auto name = call.names("funcname").back();
  if (name != "tumble" && name != "session") {
    const auto* word = find_word(name);
    if (word != nullptr && !word->runs) return context_.refuse(at, name);
    return context_.invalid(
        at, fmt::format("there is no window function named {}", name),
        "window functions are tumble(stream, interval '5 seconds') and session(stream, interval '3 seconds')");
  }
  if (use_ == select_use::query)
    return context_.fail(errc::unsupported, at, "queries have no windows: they read a view's rows as they are",
                         fmt::format("make a materialized view with {}, or GROUP BY date_trunc or date_bin", name));
  WEIR_TRY_VOID(bind_window_arguments(name, call.list("args"), at, out));
  const auto alias = fields.child("alias");
  if (alias.has("colnames")) return context_.refuse(at, "column aliases");
  if (alias) out.scope.alias = alias.text("aliasname");
  return {};
}

status select_binder::bind_window_arguments(const std::string& name, const std::vector<tree_node>& arguments,
                                            std::size_t at, bound_select& out) {
  const std::string form = name == "tumble" ? "write tumble(stream, interval '5 seconds' [, offset])"
                                            : "write session(stream, interval '3 seconds')";
  if (arguments.empty() || arguments.front().kind() != "ColumnRef")
    return context_.invalid(at, fmt::format("the first argument of {} must name a stream or a view", name), form);
  const auto relation = arguments.front().unwrap().names("fields");
  if (relation.size() != 1)
    return context_.invalid(context_.at(arguments.front()), "names of streams and views have no schema", form);
  WEIR_TRY_VOID(bind_relation(relation.front(), context_.at(arguments.front()), out));
  if (out.view != nullptr && out.view->kind == view_kind::upsert)
    return context_.fail(errc::unsupported, context_.at(arguments.front()),
                         fmt::format("{} replaces its rows, and a window cannot take a row back", relation.front()),
                         "window a stream, or a view that only adds rows");
  std::size_t next = 1;
  if (arguments.size() > 2 && arguments[1].kind() == "ColumnRef") {
    WEIR_TRY_VOID(check_time_column(arguments[1], out));
    next = 2;
  }
  const std::size_t lengths = arguments.size() - next;
  if (lengths < 1 || lengths > (name == "tumble" ? 2 : 1))
    return context_.invalid(at, fmt::format("{} has the wrong number of arguments", name), form);
  WEIR_TRY(size, bind_window_length(arguments[next], true));
  out.window = {name == "tumble" ? window_kind::tumble : window_kind::session, size, 0};
  if (lengths == 2) {
    WEIR_TRY(offset, bind_window_length(arguments[next + 1], false));
    out.window.offset_us = offset;
  }
  out.scope.windowed = true;
  return {};
}

result<std::int64_t> select_binder::bind_window_length(tree_node argument, bool positive) {
  constexpr std::int64_t longest = 366 * us_per_day;
  input_scope nothing;
  nothing.alias = nothing.relation = "a window's arguments";
  expression_binder binder(context_, nothing, "a window's arguments");
  WEIR_TRY(value, binder.bind(argument));
  WEIR_TRY(typed, binder.coerce(std::move(value), data_type::interval));
  const auto constant = typed.node->constant();
  if (!constant || constant->is_null(0))
    return context_.invalid(typed.at, "a window's length must be a constant", "write interval '5 seconds'");
  const auto us = constant->ints()[0];
  if ((positive && us <= 0) || us > longest || us < -longest)
    return context_.invalid(typed.at,
                            positive ? "a window's length must be above zero and at most 366 days"
                                     : "a window's offset is at most 366 days",
                            "write interval '5 seconds'");
  return us;
}

// tumble(stream, column, length): the column must be what the stream's time is.
status select_binder::check_time_column(tree_node column, const bound_select& out) const {
  const auto names = column.unwrap().names("fields");
  const auto found = out.scope.find(names.back());
  const auto at = context_.at(column);
  if (!found)
    return context_.invalid(at, fmt::format("column \"{}\" does not exist in {}", names.back(), out.scope.relation),
                            "leave the column out: windows are over event time");
  const auto& from = out.scope.columns()[*found].from;
  if (from.from == input_field::origin::event_time) return {};
  const bool is_time =
      out.stream != nullptr && from.from == input_field::origin::column && out.stream->event_time == from.column;
  if (is_time) return {};
  return context_.fail(
      errc::unsupported, at, fmt::format("\"{}\" is not the event time of {}", names.back(), out.scope.relation),
      "windows are over event time: leave the column out, or name it in CREATE TABLE ... WITH (event_time = '...')");
}

}  // namespace weir

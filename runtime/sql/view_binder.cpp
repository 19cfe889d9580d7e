// CREATE MATERIALIZED VIEW: what kind of view it is, its keys, its options.
#include <algorithm>
#include <array>

#include "runtime/format/row_encoder.hpp"
#include "runtime/sql/definition_binder.hpp"
#include "runtime/sql/select_binder.hpp"

namespace weir {
namespace {

struct view_options {
  std::optional<emit_mode> emit;
  std::int64_t ttl_us = 0;
  std::int64_t max_rows = 0;
  std::size_t emit_at = 0;
  std::size_t bound_at = 0;  // of ttl or max_rows
  std::string topic;
  format_spec format;
  std::size_t topic_at = 0, format_at = 0;
};

constexpr std::size_t longest_topic = 200;

bool is_topic_name(std::string_view name) {
  return !name.empty() && name.size() <= longest_topic && name != "." && name != ".." &&
         std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
                  c == '-';
         });
}

constexpr std::array format_options_of_topics{"delimiter", "compatibility", "descriptors", "message", "framing"};

// The topic that rows go out to, and its format.
status check_topic_options(const bind_context& context, view_options& options, const schema& columns) {
  if (options.topic.empty() && options.format_at != 0)
    return context.invalid(options.format_at, "format and its options are of a topic that the view's rows go out to",
                           "write topic = 'name' too, or leave them out");
  if (options.topic.empty()) return {};
  if (!is_topic_name(options.topic))
    return context.invalid(options.topic_at, fmt::format("option topic cannot be '{}'", options.topic),
                           fmt::format("write 1 to {} letters, digits, '.', '_' or '-'", longest_topic));
  if (options.format.name.empty()) options.format.name = "json";
  if (const auto good = check_row_format(options.format, columns); !good) {
    const auto& why = good.error();
    return context.invalid(
        options.format_at, why.message,
        why.hint.empty() ? "write format = 'json', format = 'csv', 'avro' or 'protobuf', and its options" : why.hint);
  }
  return {};
}

result<view_options> read_view_options(const bind_context& context, tree_node into) {
  WEIR_TRY(options, read_options(context, into.list("options")));
  view_options out;
  for (const auto& option : options) {
    if (option.name == "emit") {
      if (option.value != "final" && option.value != "changes")
        return context.invalid(option.at, fmt::format("option emit cannot be '{}'", option.value),
                               "write emit = 'final' or emit = 'changes'");
      out.emit = option.value == "final" ? emit_mode::final_rows : emit_mode::changes;
      out.emit_at = option.at;
    } else if (option.name == "ttl") {
      WEIR_TRY(us, read_interval_option(context, option, false));
      out.ttl_us = us;
      out.bound_at = option.at;
    } else if (option.name == "max_rows") {
      WEIR_TRY(rows, read_count_option(context, option));
      out.max_rows = rows;
      out.bound_at = option.at;
    } else if (option.name == "topic") {
      out.topic = option.value;
      out.topic_at = option.at;
      if (option.value.empty()) return context.invalid(option.at, "option topic is empty", "leave it out");
    } else if (option.name == "format") {
      out.format.name = option.value;
      out.format_at = option.at;
    } else if (std::ranges::count(format_options_of_topics, option.name) > 0) {
      out.format.options[option.name] = option.value;
      out.format_at = option.at;
    } else {
      return unknown_option(context, option,
                            {"emit", "ttl", "max_rows", "topic", "format", "delimiter", "compatibility", "descriptors",
                             "message", "framing"});
    }
  }
  return out;
}

status refuse_view_clauses(const bind_context& context, tree_node create, tree_node into, std::size_t at) {
  if (create.flag("if_not_exists")) return context.refuse(at, "if not exists");
  if (into.has("colNames")) return context.refuse(at, "column aliases");
  if (into.has("accessMethod") || into.has("tableSpaceName"))
    return context.fail(errc::unsupported, at, "storage clauses are not supported", "leave USING and TABLESPACE out");
  if (into.flag("skipData"))
    return context.fail(errc::unsupported, at, "WITH NO DATA is not supported",
                        "choose where a pipeline starts with: weir apply --from end");
  return {};
}

// The output column that is a column of the group or of the input, unchanged.
std::optional<std::size_t> find_output(const bound_select& select, std::size_t column) {
  for (std::size_t i = 0; i < select.output.size(); ++i)
    if (select.output[i].value.node->input_column() == column) return i;
  return std::nullopt;
}

bool is_source(const bound_select& select, std::size_t used_column) {
  const auto& from = select.scope.used_origins()[used_column];
  if (from.from == input_field::origin::source) return true;
  return select.view != nullptr && from.from == input_field::origin::column &&
         select.view->source_column == from.column;
}

status set_grouped_keys(const bind_context& context, const bound_select& select, view_plan& plan) {
  const auto& groups = select.groups;
  for (std::size_t i = 0; i < groups.keys.size(); ++i) {
    const auto output = find_output(select, i);
    if (!output)
      return context.invalid(
          groups.keys[i].value.at,
          fmt::format("the group key {} is not in SELECT, so rows of the view could not be told apart",
                      groups.keys[i].name == "?column?" ? "here" : "\"" + groups.keys[i].name + "\""),
          "add it to SELECT, as it is written in GROUP BY");
    plan.key_columns.push_back(*output);
    const auto input = groups.keys[i].value.node->input_column();
    if (input && is_source(select, *input) && !plan.keyed_by_source) {
      plan.keyed_by_source = true;
      plan.source_key = i;
      plan.source_column = *output;
    }
  }
  if (!groups.windowed) return {};
  auto window = find_output(select, groups.window_start_column());
  if (!window) window = find_output(select, groups.window_start_column() + 1);
  if (!window)
    return context.invalid(select.from_at, "the window is not in SELECT, so rows of the view could not be told apart",
                           "add window_start or window_end to SELECT");
  plan.key_columns.push_back(*window);
  return {};
}

// A view without groups over a view whose rows are replaced has that view's key.
status set_stateless_keys(const bind_context& context, const bound_select& select, view_plan& plan) {
  for (std::size_t i = 0; i < select.scope.used_fields().size(); ++i)
    if (is_source(select, i) && !plan.source_column) plan.source_column = find_output(select, i);
  if (select.view == nullptr || select.view->kind == view_kind::append) return {};
  plan.kind = view_kind::upsert;
  for (const auto key : select.view->key_columns) {
    std::optional<std::size_t> output;
    for (std::size_t i = 0; i < select.scope.used_origins().size(); ++i)
      if (select.scope.used_origins()[i].column == key) output = find_output(select, i);
    if (!output)
      return context.invalid(select.from_at,
                             fmt::format("rows of {} are replaced by their key, and its column \"{}\" is not in SELECT",
                                         plan.input, select.view->output_columns->fields[key].name),
                             fmt::format("add {} to SELECT", select.view->output_columns->fields[key].name));
    plan.key_columns.push_back(*output);
  }
  return {};
}

status set_kind(const bind_context& context, const bound_select& select, const view_options& options, view_plan& plan) {
  const bool windowed = select.groups.windowed;
  const bool running = select.grouped && !windowed;
  if (!running && (options.ttl_us != 0 || options.max_rows != 0))
    return context.invalid(
        options.bound_at, "ttl and max_rows are for running tables: GROUP BY without a window",
        windowed ? "leave them out: a window's groups end with it" : "leave them out: this view keeps no rows");
  if (!windowed && options.emit && !(running && *options.emit == emit_mode::changes))
    return context.invalid(options.emit_at, "this view has no window, so emit has nothing to choose",
                           "leave emit out, or write FROM tumble(stream, interval '5 seconds')");
  if (windowed) {
    plan.emit = options.emit.value_or(emit_mode::final_rows);
    plan.kind = plan.emit == emit_mode::changes ? view_kind::upsert : view_kind::append;
  } else if (running) {
    plan.emit = emit_mode::changes;
    plan.kind = view_kind::upsert;
    if (!select.groups.keys.empty() && options.ttl_us == 0 && options.max_rows == 0)
      return context.invalid(select.groups.keys.front().value.at,
                             "groups without a window stay for ever: a running table needs ttl or max_rows",
                             "write WITH (ttl = '7 days') or WITH (max_rows = 100000) before AS, or FROM tumble(...)");
  }
  plan.ttl_us = options.ttl_us;
  plan.max_rows = options.max_rows;
  return {};
}

}  // namespace

result<view_plan> bind_view(bind_context& context, tree_node create) {
  const auto into = create.child("into");
  const auto relation = into.child("rel");
  const auto at = context.at(relation);
  if (create.text("objtype") != "OBJECT_MATVIEW") return context.refuse(at, "create table as");
  WEIR_TRY(name, read_relation_name(context, relation));
  WEIR_TRY_VOID(refuse_view_clauses(context, create, into, at));
  WEIR_TRY_VOID(check_new_name(context, name, at));
  WEIR_TRY(options, read_view_options(context, into));
  select_binder binder(context, select_use::view);
  const auto query = create.child_of_kind("query", "SelectStmt");
  WEIR_TRY(select, binder.bind(query));
  view_plan plan;
  plan.name = name;
  plan.input = select.scope.relation;
  plan.input_is_stream = select.stream != nullptr;
  plan.input_kind = select.view != nullptr ? select.view->kind : view_kind::append;
  plan.grouped = select.grouped;
  plan.window = select.window;
  WEIR_TRY_VOID(set_kind(context, select, options, plan));
  WEIR_TRY_VOID(plan.grouped ? set_grouped_keys(context, select, plan) : set_stateless_keys(context, select, plan));
  plan.input_columns = std::make_shared<const schema>(schema{select.scope.used_fields()});
  plan.input_fields = select.scope.used_origins();
  plan.where = select.where;
  if (plan.grouped) {
    for (const auto& key : select.groups.keys) plan.keys.push_back(finish_expression(key.value.node));
    plan.aggregates = select.groups.aggregates;
    plan.group_columns = select.groups.columns();
  }
  plan.having = select.having;
  plan.output = select.output_expressions();
  plan.output_columns = select.output_schema();
  WEIR_TRY_VOID(check_topic_options(context, options, *plan.output_columns));
  plan.topic = std::move(options.topic);
  plan.topic_format = std::move(options.format);
  plan.sql = context.statement_text();
  return plan;
}

}  // namespace weir

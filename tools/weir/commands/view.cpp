#include <memory>

#include "tools/weir/command_tree.hpp"
#include "tools/weir/commands/commands.hpp"
#include "tools/weir/commands/live_tail.hpp"
#include "tools/weir/commands/paging.hpp"

namespace weir::cli {

namespace {

struct rows_options {
  std::string view, from, to;
  std::vector<std::string> keys;
  paging_options page;
  bool newest_first = false;
};

result<exit_code> list(session& s) {
  WEIR_TRY(node, s.node());
  WEIR_TRY(answer, node->get(target({"views"})));
  s.print().list(items_of(answer),
                 {{"name", "NAME"}, {"kind", "KIND"}, {"pipeline", "PIPELINE"}, {"state", "STATE"}, {"rows", "ROWS"}},
                 answer);
  return exit_code::ok;
}

result<exit_code> show(session& s, const std::string& name) {
  WEIR_TRY(node, s.node());
  WEIR_TRY(answer, node->get(target({"views", name})));
  s.print().object(answer);
  return exit_code::ok;
}

// The view's columns in their declared order.
std::vector<column_choice> columns_of(const json& view) {
  std::vector<column_choice> columns;
  for (const auto& c : view.value("columns", json::array())) {
    const auto name = c.is_object() ? c.value("name", "") : cell_text(c);
    columns.push_back({name, name});
  }
  return columns;
}

result<exit_code> rows(session& s, const rows_options& o) {
  WEIR_TRY(node, s.node());
  std::vector<column_choice> columns;
  if (s.print().format() != output_format::as_json) {
    WEIR_TRY(view, node->get(target({"views", o.view})));
    columns = columns_of(view);
  }
  const auto page = [&] {
    target where({"views", o.view, "rows"});
    for (auto key : o.keys) {
      key[key.find('=')] = ':';
      where.query("key", key);
    }
    where.query("from", o.from).query("to", o.to).query("order", o.newest_first ? "newest" : "");
    return where;
  };
  return print_pages(s, *node, page, o.page, columns);
}

std::string check_key(const std::string& text) {
  const auto equals = text.find('=');
  return equals != 0 && equals != std::string::npos ? std::string()
                                                    : fmt::format("'{}' is not of the form column=value", text);
}

void add_rows(cli_command noun, action& chosen) {
  auto command = add_command(noun, "get", "Prints the committed rows of a view",
                             "view get sock_seen --newest --limit 10\n"
                             "view get weather_hourly --key station=north --from 2026-01-01T00:00:00Z -o csv");
  auto o = std::make_shared<rows_options>();
  command.add_option("NAME", o->view, "Name of the view").required();
  command.add_option("--key", o->keys, "Only rows with this value in a key column; several: the first key columns")
      .type_name("COLUMN=VALUE")
      .check(check_key);
  command.add_option("--from", o->from, "Only rows whose next key column is at least this");
  command.add_option("--to", o->to, "... and less than this");
  command.add_flag("--newest", o->newest_first, "The last rows first");
  add_paging(command, o->page);
  command.callback([&chosen, o] { chosen = [o](session& s) { return rows(s, *o); }; });
}

void add_tail(cli_command noun, action& chosen) {
  auto command = add_command(noun, "tail", "Prints rows of a view as they are committed, until Ctrl-C",
                             "view tail sock_seen\nview tail sock_seen --from start --limit 100 -o json");
  auto view = std::make_shared<std::string>();
  auto o = std::make_shared<tail_options>();
  command.add_option("NAME", *view, "Name of the view").required();
  command.add_option("--from", o->from, "start, now, or a token that an earlier tail told")
      .type_name("start|now|TOKEN")
      .shows_default();
  command.add_option("--limit", o->limit, "End after so many rows");
  command.add_option("--retries", o->retries, "Lost connections in a row before it gives up")
      .between(0, 1000)
      .shows_default();
  command.callback([&chosen, view, o] {
    chosen = [view, o](session& s) {
      return tail_live(
          s,
          [&] {
            return target({"views", *view, "live"});
          },
          *o);
    };
  });
}

}  // namespace

void add_view_commands(cli_command program, action& chosen) {
  auto noun = add_noun(program, "view", "Views: continuous queries and their results");
  add_command(noun, "list", "Lists all views", "view list").callback([&chosen] { chosen = list; });
  auto shown = add_command(noun, "show", "Shows a view's columns, keys and SQL", "view show sock_seen");
  auto name = std::make_shared<std::string>();
  shown.add_option("NAME", *name, "Name of the view").required();
  shown.callback([&chosen, name] { chosen = [name](session& s) { return show(s, *name); }; });
  add_rows(noun, chosen);
  add_tail(noun, chosen);
}

}  // namespace weir::cli

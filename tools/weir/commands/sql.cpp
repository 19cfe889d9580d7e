#include <memory>

#include "tools/weir/command_tree.hpp"
#include "tools/weir/commands/commands.hpp"
#include "tools/weir/text_file.hpp"

namespace weir::cli {

namespace {

constexpr std::size_t max_query_bytes = 1U << 20;

result<exit_code> query(session& s, const std::string& text) {
  std::string sql = text;
  if (text == "-") {
    WEIR_TRY(read, read_text_file("-", max_query_bytes));
    sql = std::move(read);
  }
  WEIR_TRY(node, s.node());
  WEIR_TRY(answer, node->post(target({"sql"}), json{{"query", sql}}));
  s.print().relation(answer);
  if (answer.value("truncated", false))
    s.io().err << "weir: there are more rows; the node cut the answer at its limit\n";
  return exit_code::ok;
}

}  // namespace

void add_sql_command(cli_command program, action& chosen) {
  auto command = add_command(program, "sql", "Asks the views a question; the answer is their committed rows",
                             "sql \"SELECT image, seen FROM sock_seen WHERE seen > 3\"\nsql - -o csv < question.sql");
  auto text = std::make_shared<std::string>();
  command.add_option("QUERY", *text, "A SELECT; - reads it from standard input").required();
  command.callback([&chosen, text] { chosen = [text](session& s) { return query(s, *text); }; });
}

}  // namespace weir::cli

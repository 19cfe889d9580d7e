#include <memory>

#include "runtime/config/config.hpp"
#include "tools/weir/command_tree.hpp"
#include "tools/weir/commands/commands.hpp"
#include "tools/weir/commands/plan_report.hpp"
#include "tools/weir/text_file.hpp"

namespace weir::cli {

namespace {

constexpr std::size_t max_sql_bytes = 4U << 20;

// A configuration is checked here, without a node: it is needed before one runs.
result<exit_code> validate_config(session& s, const std::string& file) {
  WEIR_TRY(read, load_config(file));
  s.print().done(file + " is valid", json{{"ok", true},
                                          {"data_dir", read.node.data_dir},
                                          {"pipelines", read.pipelines.size()},
                                          {"sources", read.listed_sources.size()}});
  return exit_code::ok;
}

result<exit_code> validate_sql(session& s, const std::string& file) {
  WEIR_TRY(sql, read_text_file(file, max_sql_bytes));
  WEIR_TRY(node, s.node());
  WEIR_TRY(verdict, node->post(target({"validate"}), json{{"sql", sql}}));
  return report_plan(s, verdict, file);
}

}  // namespace

void add_validate_command(cli_command program, action& chosen) {
  auto command =
      add_command(program, "validate", "Checks an SQL file against a node's streams, or a config.toml by itself",
                  "validate socks.sql\nvalidate config.toml");
  auto file = std::make_shared<std::string>();
  auto is_config = std::make_shared<bool>(false);
  command.add_option("FILE", *file, "SQL file, - for SQL from standard input, or a configuration (*.toml)")
      .required()
      .type_name("FILE");
  command.add_flag("--config", *is_config, "FILE is a configuration, whatever its name");
  command.callback([&chosen, file, is_config] {
    const bool config = *is_config || file->ends_with(".toml");
    chosen = [file, config](session& s) { return config ? validate_config(s, *file) : validate_sql(s, *file); };
  });
}

}  // namespace weir::cli

#include "tools/weir/program.hpp"

#include <CLI/CLI.hpp>

#include "tools/weir/command_tree.hpp"
#include "tools/weir/commands/commands.hpp"
#include "tools/weir/program_tree.hpp"

namespace weir::cli {

namespace {

constexpr const char* about = R"(weir: live instrument streams into answers. This program talks to a node.

Examples:
  weir apply examples/socks/socks.sql
  weir source add cam1 --stream camera --connector file --option path=/data/cam1.jsonl
  weir view tail sock_seen --from start
  weir sql "SELECT image, count(*) FROM camera GROUP BY image")";

std::string environment_help() {
  return std::string(exit_code_help) + R"(

The node's address and token come from --url, --token, --token-file or --node-file; else from WEIR_URL and WEIR_TOKEN;
else from the node.json that a node writes when it starts (data/node.json, then $XDG_STATE_HOME/weir/node.json).
NO_COLOR turns colours off. weir completion bash|zsh|fish prints completions for your shell.)";
}

void add_settings(CLI::App& program, settings& set) {
  const auto check_url = [](const std::string& url) {
    const auto parsed = parse_url(url);
    return parsed ? std::string() : parsed.error().text();
  };
  program.add_option("--url", set.node.url, "Address of the node, like http://127.0.0.1:8420")
      ->check(check_url)
      ->group("Node");
  program.add_option("--token", set.node.token, "Token for the node; --token-file keeps it out of process lists")
      ->group("Node");
  program.add_option("--token-file", set.node.token_file, "File that holds the token")
      ->group("Node")
      ->type_name("FILE");
  program.add_option("--node-file", set.node.node_file, "node.json that a node wrote, with its address and token")
      ->group("Node")
      ->type_name("FILE");
  program.add_option("--timeout", set.timeout_s, "Seconds to wait for an answer, or for the end of --wait")
      ->check(CLI::Range(0.001, 1e6))
      ->group("Node")
      ->capture_default_str();
  program.add_option("-o,--output,--format", set.format, "table, json or csv")
      ->check(CLI::IsMember({"table", "json", "csv"}))
      ->group("Output")
      ->type_name("FORMAT")
      ->capture_default_str();
  program.add_flag("--no-color", set.no_color, "No colours")->group("Output");
  program.add_flag("--progress", set.progress, "Show progress though standard error is no terminal")->group("Output");
}

void print_error(const error& e, const terminal& io, bool colour) {
  io.err << (colour ? "\x1b[31mweir:\x1b[0m " : "weir: ") << e.message << "\n";
  if (!e.hint.empty()) io.err << "  " << e.hint << "\n";
}

bool wants_colour(const settings& set, const terminal& io, bool is_tty) {
  const auto no_color = io.environment("NO_COLOR");
  const auto term = io.environment("TERM");
  return is_tty && !set.no_color && (!no_color || no_color->empty()) && term.value_or("") != "dumb";
}

// The tree's own answers (help, version, what is wrong with the command line).
exit_code answer(const CLI::App& program, const CLI::ParseError& stopped, const std::vector<std::string>& arguments,
                 const terminal& io) {
  if (stopped.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
    program.exit(stopped, io.out, io.err);
    return exit_code::ok;
  }
  const auto unknown = unknown_word(program, arguments);
  const CLI::App* here = &program;
  std::string path = "weir";
  while (!here->get_subcommands().empty()) {
    here = here->get_subcommands().front();
    path += " " + here->get_name();
  }
  print_error({errc::invalid_argument, unknown.empty() ? stopped.what() : unknown, "see: " + path + " --help"}, io,
              false);
  return exit_code::usage;
}

// An answer of another form than this program knows shows itself where its members are read.
result<exit_code> perform(const action& chosen, session& s) {
  try {
    return chosen(s);
  } catch (const nlohmann::json::exception& e) {
    return with_hint(fail(errc::parse_error, "the node's answer is not of the form that was expected: {}", e.what()),
                     "is the node of another version? weir status and weir version tell");
  }
}

}  // namespace

std::unique_ptr<CLI::App> make_program(settings& set, action& chosen) {
  auto program = std::make_unique<CLI::App>(about, "weir");
  program->fallthrough();
  program->require_subcommand(1);
  program->set_version_flag("--version", WEIR_VERSION);
  program->footer(environment_help());
  add_settings(*program, set);
  const cli_command root(*program);
  add_source_commands(root, chosen);
  add_stream_commands(root, chosen);
  add_view_commands(root, chosen);
  add_pipeline_commands(root, chosen);
  add_dead_letter_commands(root, chosen);
  add_apply_command(root, chosen);
  add_validate_command(root, chosen);
  add_sql_command(root, chosen);
  add_status_command(root, chosen);
  add_completion_command(root, chosen);
  add_version_command(root, chosen);
  return program;
}

exit_code run_program(const std::vector<std::string>& arguments, const terminal& io) {
  settings set;
  action chosen;
  const auto program = make_program(set, chosen);
  try {
    program->parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ParseError& stopped) {
    return answer(*program, stopped, arguments, io);
  }
  const bool err_colour = wants_colour(set, io, io.err_is_tty);
  const auto format = parse_output_format(set.format);
  if (!format) {
    print_error(format.error(), io, err_colour);
    return exit_code::usage;
  }
  const printer print(io, *format, wants_colour(set, io, io.out_is_tty));
  session s(io, set, print);
  const auto done = perform(chosen, s);
  io.out.flush();
  if (done) return *done;
  print_error(done.error(), io, err_colour);
  return exit_code_of(done.error().code);
}

}  // namespace weir::cli

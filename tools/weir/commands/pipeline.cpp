#include <memory>

#include "tools/weir/command_tree.hpp"
#include "tools/weir/commands/commands.hpp"

namespace weir::cli {

namespace {

result<exit_code> list(session& s) {
  WEIR_TRY(node, s.node());
  WEIR_TRY(answer, node->get(target({"pipelines"})));
  s.print().list(items_of(answer),
                 {{"name", "NAME"}, {"state", "STATE"}, {"views", "VIEWS"}, {"lag", "LAG"}, {"error", "ERROR"}},
                 answer);
  return exit_code::ok;
}

result<exit_code> show(session& s, const std::string& name) {
  WEIR_TRY(node, s.node());
  WEIR_TRY(answer, node->get(target({"pipelines", name})));
  s.print().object(answer);
  return exit_code::ok;
}

result<exit_code> drop(session& s, const std::string& name) {
  WEIR_TRY(node, s.node());
  WEIR_TRY(answer, node->remove(target({"pipelines", name})));
  s.print().done(fmt::format("pipeline '{}' dropped", name), answer);
  return exit_code::ok;
}

result<exit_code> resume(session& s, const std::string& name) {
  WEIR_TRY(node, s.node());
  WEIR_TRY(answer, node->post(target({"pipelines", name, "resume"}), json::object()));
  s.print().done(fmt::format("pipeline '{}' tries again", name), answer);
  return exit_code::ok;
}

}  // namespace

void add_pipeline_commands(cli_command program, action& chosen) {
  auto noun = add_noun(program, "pipeline", "Pipelines: views that were deployed together from one SQL file");
  add_command(noun, "list", "Lists all pipelines with their state", "pipeline list").callback([&chosen] {
    chosen = list;
  });
  using call = result<exit_code> (*)(session&, const std::string&);
  const auto named = [&](const char* name, const char* what, const char* example, call run) {
    auto command = add_command(noun, name, what, example);
    auto pipeline = std::make_shared<std::string>();
    command.add_option("NAME", *pipeline, "Name of the pipeline").required();
    command.callback([&chosen, pipeline, run] { chosen = [pipeline, run](session& s) { return run(s, *pipeline); }; });
  };
  named("show", "Shows one pipeline with its SQL, state and error", "pipeline show socks", show);
  named("drop", "Drops a pipeline with its views, unless others read them", "pipeline drop socks", drop);
  named("resume", "Lets a pipeline that stopped with an error try again", "pipeline resume socks", resume);
}

}  // namespace weir::cli

#include <filesystem>
#include <memory>

#include "tools/weir/command_tree.hpp"
#include "tools/weir/commands/commands.hpp"
#include "tools/weir/commands/plan_report.hpp"
#include "tools/weir/progress.hpp"
#include "tools/weir/text_file.hpp"

namespace weir::cli {

namespace {

constexpr std::size_t max_sql_bytes = 4U << 20;

struct apply_options {
  std::string file, name, from = "beginning";
  bool replace = false, dry_run = false, wait = false;
};

// Until the pipeline has read all there is, or has stopped.
result<exit_code> wait_until_caught_up(session& s, api_client& node, const std::string& name) {
  progress line(s);
  for (const auto end = std::chrono::steady_clock::now() + s.timeout();;) {
    WEIR_TRY(pipeline, node.get(target({"pipelines", name})));
    const auto state = pipeline.value("state", "");
    const auto lag = pipeline.find("lag");
    const bool behind = lag != pipeline.end() && lag->is_number() && lag->get<double>() > 0;
    line.say(fmt::format("{}: {}, {} records behind", name, state, behind ? cell_text(*lag) : "0"));
    if (state == "failed" || state == "quarantined") {
      s.io().err << "weir: pipeline '" << name << "' has stopped: " << cell_text(pipeline.value("error", json()))
                 << "\n"
                 << "  mend it and apply again with --replace, or let it try again: weir pipeline resume " << name
                 << "\n";
      return exit_code::unhealthy;
    }
    if (state == "running" && !behind) return exit_code::ok;
    if (std::chrono::steady_clock::now() >= end) {
      return with_hint(fail(errc::timeout, "pipeline '{}' has not caught up in time; it goes on", name),
                       "wait longer with --timeout SECONDS, or look: weir pipeline show " + name);
    }
    if (!s.pause(std::chrono::milliseconds(500))) return fail(errc::cancelled, "interrupted; the pipeline goes on");
  }
}

result<exit_code> apply(session& s, const apply_options& o) {
  WEIR_TRY(sql, read_text_file(o.file, max_sql_bytes));
  const auto name = o.name.empty() ? std::filesystem::path(o.file).stem().string() : o.name;
  WEIR_TRY(node, s.node());
  if (o.dry_run) {
    WEIR_TRY(verdict, node->post(target({"validate"}), json{{"sql", sql}}));
    return report_plan(s, verdict, o.file);
  }
  const json body{{"name", name}, {"sql", sql}, {"replace", o.replace}, {"from", o.from}};
  WEIR_TRY(answer, node->post(target({"pipelines"}), body));
  s.print().done(fmt::format("pipeline '{}' {}", name, o.replace ? "replaced" : "applied"), answer);
  return o.wait ? wait_until_caught_up(s, *node, name) : exit_code::ok;
}

}  // namespace

void add_apply_command(cli_command program, action& chosen) {
  auto command = add_command(program, "apply", "Deploys the views of an SQL file as one pipeline",
                             "apply socks.sql\napply socks.sql --replace --wait\napply - --name socks < socks.sql");
  auto o = std::make_shared<apply_options>();
  command.add_option("FILE", o->file, "SQL file; - is standard input (then --name is needed)")
      .required()
      .type_name("FILE");
  command.add_option("--name", o->name, "Name of the pipeline (default: the file's name without its ending)");
  command.add_option("--from", o->from, "Where in the streams to begin: beginning or end")
      .one_of({"beginning", "end"})
      .type_name("WHERE")
      .shows_default();
  command.add_flag("--replace", o->replace, "Replace the pipeline of this name; without, a name in use is an error");
  command.add_flag("--dry-run", o->dry_run, "Only check the SQL and show the plan");
  command.add_flag("--wait", o->wait, "Return when the pipeline has caught up; at most --timeout seconds");
  command.callback([&chosen, o] {
    if (o->file == "-" && o->name.empty() && !o->dry_run) {
      refuse_usage("--name is missing", "SQL from standard input needs a pipeline's name");
    }
    chosen = [o](session& s) { return apply(s, *o); };
  });
}

}  // namespace weir::cli

#include <memory>
#include <sstream>

#include "tools/weir/command_tree.hpp"
#include "tools/weir/commands/commands.hpp"

namespace weir::cli {

namespace {

struct status_options {
  bool connectors = false, wait = false;
};

struct readiness {
  bool ok = false;
  json checks;
};

// Lines like "[+]log ok" and "[-]shard 2 replays"; the last line is the verdict and no check.
json checks_of(const std::string& text) {
  json checks = json::object();
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("[+]") && !line.starts_with("[-]")) continue;
    const auto name_end = std::min(line.find(' '), line.size());
    checks[line.substr(3, name_end - 3)] = line.substr(std::min(name_end + 1, line.size()));
  }
  return checks;
}

result<readiness> ask_ready(api_client& node) {
  WEIR_TRY(answer, node.send("GET", target::unversioned("/readyz?verbose=1"), ""));
  if (answer.status != 200 && answer.status != 503) return fail(error_of(answer, node.node()));
  return readiness{answer.status == 200, checks_of(answer.body)};
}

result<exit_code> connectors(session& s, api_client& node) {
  WEIR_TRY(answer, node.get(target({"connectors"})));
  s.print().list(items_of(answer), {}, answer);
  return exit_code::ok;
}

// Until the node is ready; a node that cannot be reached yet is waited for too.
result<exit_code> wait_until_ready(session& s, api_client& node) {
  for (const auto end = std::chrono::steady_clock::now() + s.timeout();;) {
    const auto ready = ask_ready(node);
    if (ready && ready->ok) return exit_code::ok;
    if (!ready && ready.error().code != errc::unavailable && ready.error().code != errc::timeout) {
      return fail(ready.error());
    }
    if (std::chrono::steady_clock::now() >= end) {
      return with_hint(fail(errc::timeout, "{} is not ready in time{}", node.node().url(),
                            ready ? std::string() : ": " + ready.error().message),
                       "weir status tells what it waits for");
    }
    if (!s.pause(std::chrono::milliseconds(200))) return fail(errc::cancelled, "interrupted");
  }
}

result<exit_code> show(session& s, const status_options& o) {
  WEIR_TRY(node, s.node());
  if (o.connectors) return connectors(s, *node);
  if (o.wait) WEIR_TRY_VOID(wait_until_ready(s, *node));
  WEIR_TRY(answer, node->get(target({"status"})));
  WEIR_TRY(ready, ask_ready(*node));
  json shown{{"url", node->node().url()}, {"ready", ready.ok}, {"checks", ready.checks}};
  if (answer.is_object()) shown.update(answer);
  s.print().object(shown);
  if (!ready.ok) s.io().err << "weir: the node is not ready; see checks\n";
  return ready.ok ? exit_code::ok : exit_code::unhealthy;
}

}  // namespace

void add_status_command(cli_command program, action& chosen) {
  auto command = add_command(program, "status", "Shows whether the node is well: version, shards, checks",
                             "status\nstatus --wait --timeout 60\nstatus --connectors");
  auto o = std::make_shared<status_options>();
  command.add_flag("--wait", o->wait, "Return when the node is ready; at most --timeout seconds");
  command.add_flag("--connectors", o->connectors, "List the kinds of connectors instead");
  command.callback([&chosen, o] { chosen = [o](session& s) { return show(s, *o); }; });
}

}  // namespace weir::cli

// weir-node: one node over its config.toml. Starts, serves, and on SIGINT or SIGTERM drains and ends.
//
// Exit codes: 0 a clean end, 1 it could not start or has given up (start it anew), 2 wrong usage.
#include <fmt/format.h>
#include <signal.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "actors/gateway/gateway.hpp"
#include "actors/node_service.hpp"
#include "runtime/fault/fault_points.hpp"
#include "tools/weir_node/json_lines.hpp"
#include "tools/weir_node/node_files.hpp"

namespace {

constexpr int exit_failure = 1, exit_usage = 2;
constexpr timespec look_interval{0, 200'000'000};

int report(const weir::error& e) {
  fmt::print(stderr, "weir-node: {}\n", e.message);
  if (!e.hint.empty()) fmt::print(stderr, "  {}\n", e.hint);
  return exit_failure;
}

void set_up_log(const weir::node_config& c) {
  auto log = std::make_shared<spdlog::logger>("weir", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  log->set_level(spdlog::level::from_str(c.log_level));
  log->flush_on(spdlog::level::info);
  if (c.log_format == "json")
    log->set_formatter(std::make_unique<weir::json_lines>());
  else
    log->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
  spdlog::set_default_logger(std::move(log));
}

// The signals that end the node, blocked in every thread and waited for in this one.
sigset_t block_ending_signals() {
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGINT);
  sigaddset(&ending, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &ending, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return ending;
}

// Connections, followed files and the log's files take one each: as many as the system lets this process have.
void raise_open_files() {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
}

// Answers whether a signal ended the wait; false: the node has given up.
bool wait_for_end(const sigset_t& ending, const weir::node& n) {
  while (n.alive())
    if (const int got = sigtimedwait(&ending, nullptr, &look_interval); got > 0) {
      spdlog::info("stopping signal={}", got == SIGINT ? "SIGINT" : "SIGTERM");
      return true;
    }
  return false;
}

std::string url_of(const std::string& host, std::uint16_t port) {
  const bool any = host == "0.0.0.0" || host == "::";
  const bool v6 = host.find(':') != std::string::npos && !any;
  return fmt::format("http://{}{}{}:{}", v6 ? "[" : "", any ? "127.0.0.1" : host, v6 ? "]" : "", port);
}

int serve(const weir::config& c, const sigset_t& ending) {
  auto node = weir::node::start(c);
  if (!node) return report(node.error());
  auto token = weir::node_token(c.gateway.token, c.node.data_dir);
  if (!token) return report(token.error());
  weir::node_service service(**node, WEIR_VERSION);
  auto options = weir::options_of(c.gateway);
  options.token = *token;
  options.max_page_rows = static_cast<std::size_t>(c.limits.sql_result_rows);
  auto gateway = weir::gateway::start(options, service);
  if (!gateway) return report(gateway.error());
  const auto url = url_of(c.gateway.host, (*gateway)->port());
  auto file = weir::node_file::write(c.node.data_dir, url, *token);
  if (!file) return report(file.error());
  (*node)->announce(url);
  fmt::print("weir-node {} serves {}; address and token for weir are in {}\n", WEIR_VERSION, url, file->path());
  std::fflush(stdout);
  const bool asked = wait_for_end(ending, **node);
  file->remove();
  (*gateway)->stop();
  const bool clean = (*node)->stop();
  if (!asked) {
    fmt::print(stderr,
               "weir-node: it has given up: a part of it failed too often; see the log above, then start it anew\n");
    return exit_failure;
  }
  spdlog::info("stopped clean={}", clean);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("weir-node runs one weir node until SIGINT or SIGTERM.");
  std::string config_file;
  bool check = false, print_default = false;
  auto* file = app.add_option("--config", config_file, "config.toml of the node")->type_name("FILE");
  app.add_flag("--check", check, "Only check the file");
  app.add_flag("--print-default-config", print_default, "Print a config.toml with every key and its default")
      ->excludes(file);
  app.set_version_flag("--version", "weir-node " WEIR_VERSION);
  try {
    app.parse(argc, argv);
    if (!print_default && config_file.empty()) throw CLI::RequiredError("--config FILE");
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : exit_usage;
  }
  if (print_default) {
    fmt::print("{}", weir::render_default_config());
    return 0;
  }
  const auto config = weir::load_config(config_file);
  if (!config) return report(config.error());
  if (check) {
    fmt::print("{} is valid\n", config_file);
    return 0;
  }
  weir::install_faults_from_environment();
  raise_open_files();
  const auto ending = block_ending_signals();
  set_up_log(config->node);
  return serve(*config, ending);
}

#include "runtime/fault/fault_points.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdlib>
#include <memory>
#include <string>

#include "runtime/fault/one_transaction.hpp"
#include "runtime/fault/protocol_rules.hpp"

namespace weir {

namespace {

constexpr int last_rule = positions_with_outputs;

std::atomic<bool> kill_hook_is_set{false};
// Neither ends with the process: a thread that hangs in one is left behind when main returns.
kill_hook& stored_kill_hook() {
  static auto& hook = *new kill_hook;
  return hook;
}
record_hook& stored_record_hook() {
  static auto& hook = *new record_hook;
  return hook;
}

[[noreturn]] void refuse(std::string_view variable, std::string_view value) {
  fmt::print(stderr, "weir: {}={} names no fault point\n", variable, value);
  std::exit(2);
}

struct named_text {
  std::string name, text;
};

bool read_pair(const char* variable, named_text& out) {
  const char* value = std::getenv(variable);
  if (value == nullptr || *value == '\0') return false;
  const std::string text = value;
  const auto colon = text.find(':');
  if (colon == std::string::npos) refuse(variable, text);
  out = {text.substr(0, colon), text.substr(colon + 1)};
  return true;
}

void install_kill(const named_text& at) {
  if (std::ranges::find(kill_points, at.name) == kill_points.end()) refuse("WEIR_KILL_AT", at.name);
  auto left = std::make_shared<std::atomic<long>>(std::atol(at.text.c_str()));
  set_kill_hook([name = at.name, left](std::string_view point) {
    if (point == name && left->fetch_sub(1) == 1) ::kill(::getpid(), SIGKILL);
  });
}

void switch_rule_off(const std::string& number) {
  int rule = 0;
  const auto [end, problem] = std::from_chars(number.data(), number.data() + number.size(), rule);
  const bool read = problem == std::errc() && end == number.data() + number.size();
  if (!read || rule < 1 || rule > last_rule) refuse("WEIR_RULE_OFF", number);
  static rule_switched_off const planted(rule);
}

}  // namespace

void set_kill_hook(kill_hook hook) {
  stored_kill_hook() = std::move(hook);
  kill_hook_is_set = static_cast<bool>(stored_kill_hook());
}

bool kill_hook_set() { return kill_hook_is_set.load(std::memory_order_relaxed); }
void run_kill_hook(std::string_view point) { stored_kill_hook()(point); }

void set_record_hook(record_hook hook) { stored_record_hook() = std::move(hook); }
const record_hook& current_record_hook() { return stored_record_hook(); }

void install_faults_from_environment() {
  named_text at, crash, hang;
  if (read_pair("WEIR_KILL_AT", at)) install_kill(at);
  if (const char* off = std::getenv("WEIR_RULE_OFF"); off != nullptr && *off != '\0') switch_rule_off(off);
  const bool crashes = read_pair("WEIR_CRASH_ON", crash), hangs = read_pair("WEIR_HANG_ON", hang);
  if (!crashes && !hangs) return;
  set_record_hook([=](std::string_view pipeline, std::string_view record) {
    if (crashes && pipeline == crash.name && record.find(crash.text) != std::string_view::npos) ::raise(SIGSEGV);
    while (hangs && pipeline == hang.name && record.find(hang.text) != std::string_view::npos) ::usleep(1000);
  });
}

}  // namespace weir

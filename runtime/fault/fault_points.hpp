// Named places where tests stop the world: kill points (a process may be killed at any instruction; these are the ones
// between which something becomes true) and the inside of operators. In production no hook is set and a point costs one
// predictable branch.
#pragma once

#include <array>
#include <functional>
#include <string_view>

namespace weir {

// Every kill point, in the order in which a record meets them.
inline constexpr std::array kill_points{
    std::string_view{"ingest.before_accept"},     std::string_view{"ingest.after_accept"},
    std::string_view{"ingest.after_cut"},         std::string_view{"task.before_process"},
    std::string_view{"task.after_process"},       std::string_view{"task.after_cut"},
    std::string_view{"writer.before_log_commit"}, std::string_view{"writer.after_log_commit"},
    std::string_view{"writer.after_state_write"}, std::string_view{"open.after_fence"},
    std::string_view{"open.after_restore"},       std::string_view{"attempt.after_count"},
};

// A test's hook may throw (the simulation unwinds its node) or end the process.
using kill_hook = std::function<void(std::string_view point)>;
void set_kill_hook(kill_hook hook);  // an empty hook turns the points off; not while other threads run
bool kill_hook_set();
void run_kill_hook(std::string_view point);

inline void kill_point(std::string_view point) {
  if (kill_hook_set()) run_kill_hook(point);
}

// Called by a task before a batch goes through its views, with the pipeline's name and the original bytes of one record
// after the other: tests throw, loop or crash on the record of their choice.
using record_hook = std::function<void(std::string_view pipeline, std::string_view record)>;
void set_record_hook(record_hook hook);
const record_hook& current_record_hook();

// WEIR_KILL_AT="writer.after_log_commit:3" kills this process (SIGKILL) at the third passage of a point;
// WEIR_CRASH_ON="pipeline:text" crashes it (SIGSEGV) when the pipeline meets a record that holds the text;
// WEIR_HANG_ON="pipeline:text" loops there for ever; WEIR_RULE_OFF="8" plants a bug: that rule (protocol_rules.hpp,
// one_transaction.hpp) is off. For tests of the real node. Unknown names end the process with a message.
void install_faults_from_environment();

}  // namespace weir

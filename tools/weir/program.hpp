// The command line: its tree of commands, and what a call of it does.
#pragma once

#include <CLI/App.hpp>
#include <memory>
#include <string>
#include <vector>

#include "tools/weir/exit_code.hpp"
#include "tools/weir/session.hpp"
#include "tools/weir/terminal.hpp"

namespace weir::cli {

// The tree; parsing it fills `set` and chooses the action.
std::unique_ptr<CLI::App> make_program(settings& set, action& chosen);

// One call, without the program's name. Answers and help go to io.out, everything else to io.err.
exit_code run_program(const std::vector<std::string>& arguments, const terminal& io);

}  // namespace weir::cli

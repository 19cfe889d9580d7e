// Completion scripts, made from the program's own tree of commands.
#pragma once

#include <CLI/App.hpp>
#include <string>

#include "runtime/result.hpp"

namespace weir::cli {

// shell: bash, zsh or fish.
result<std::string> completion_script(const CLI::App& program, const std::string& shell);

}  // namespace weir::cli

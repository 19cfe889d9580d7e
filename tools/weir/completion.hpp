// Completion scripts, made from the program's own tree of commands.
#pragma once

#include <string>

#include "runtime/result.hpp"

namespace CLI {
class App;
}  // namespace CLI

namespace weir::cli {

// shell: bash, zsh or fish.
result<std::string> completion_script(const CLI::App& program, const std::string& shell);

}  // namespace weir::cli

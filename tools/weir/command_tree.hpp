// Building blocks of the tree of commands.
#pragma once

#include <CLI/App.hpp>
#include <string>

namespace weir::cli {

// A group of commands ("source"); one of its commands must follow.
CLI::App& add_noun(CLI::App& program, const std::string& name, const std::string& what);

// A command with its help: what it does, and examples of its use (one per line, without "weir").
CLI::App& add_command(CLI::App& parent, const std::string& name, const std::string& what, const std::string& examples);

// A word of the command line that no command or option has, in words for a person ("" when all are known).
std::string unknown_word(const CLI::App& program, const std::vector<std::string>& arguments);

}  // namespace weir::cli

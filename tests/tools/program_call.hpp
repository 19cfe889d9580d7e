// One call of the program, with its streams as texts and an environment of its own.
#pragma once

#include <atomic>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "tools/weir/program.hpp"

namespace weir::cli {

struct program_call {
  std::map<std::string, std::string> environment;
  bool out_is_tty = false, err_is_tty = false;
  std::size_t width = 0;
  std::atomic<bool> stopped{false};
  std::ostringstream out, err;

  // The exit code; out and err hold what this call said.
  int operator()(const std::vector<std::string>& arguments) {
    out.str("");
    err.str("");
    const auto variable = [this](const std::string& name) -> std::optional<std::string> {
      const auto found = environment.find(name);
      return found == environment.end() ? std::nullopt : std::optional(found->second);
    };
    const terminal io{out, err, out_is_tty, err_is_tty, width, variable, stopped};
    return static_cast<int>(run_program(arguments, io));
  }
};

}  // namespace weir::cli

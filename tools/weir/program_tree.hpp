// The whole tree of commands, for what walks over it.
#pragma once

#include <CLI/App.hpp>
#include <memory>

#include "tools/weir/session.hpp"

namespace weir::cli {

// Parsing it fills `set` and chooses the action.
std::unique_ptr<CLI::App> make_program(settings& set, action& chosen);

}  // namespace weir::cli

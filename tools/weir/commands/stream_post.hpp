// weir stream post, one of the commands of `stream`.
#pragma once

#include <CLI/App.hpp>

#include "tools/weir/session.hpp"

namespace weir::cli {

void add_stream_post_command(CLI::App& noun, action& chosen);

}  // namespace weir::cli

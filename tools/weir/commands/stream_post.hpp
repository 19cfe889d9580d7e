// weir stream post, one of the commands of `stream`.
#pragma once

#include "tools/weir/command_tree.hpp"
#include "tools/weir/session.hpp"

namespace weir::cli {

void add_stream_post_command(cli_command noun, action& chosen);

}  // namespace weir::cli

// Every command of the program, one file per noun. Parsing a command line sets `chosen` to what it asks for.
#pragma once

#include "tools/weir/command_tree.hpp"
#include "tools/weir/session.hpp"

namespace weir::cli {

void add_source_commands(cli_command program, action& chosen);
void add_stream_commands(cli_command program, action& chosen);
void add_view_commands(cli_command program, action& chosen);
void add_pipeline_commands(cli_command program, action& chosen);
void add_dead_letter_commands(cli_command program, action& chosen);
void add_apply_command(cli_command program, action& chosen);
void add_validate_command(cli_command program, action& chosen);
void add_sql_command(cli_command program, action& chosen);
void add_status_command(cli_command program, action& chosen);
void add_completion_command(cli_command program, action& chosen);
void add_version_command(cli_command program, action& chosen);

}  // namespace weir::cli

// Every command of the program, one file per noun. Parsing a command line sets `chosen` to what it asks for.
#pragma once

#include <CLI/App.hpp>

#include "tools/weir/session.hpp"

namespace weir::cli {

void add_source_commands(CLI::App& program, action& chosen);
void add_stream_commands(CLI::App& program, action& chosen);
void add_view_commands(CLI::App& program, action& chosen);
void add_pipeline_commands(CLI::App& program, action& chosen);
void add_dead_letter_commands(CLI::App& program, action& chosen);
void add_apply_command(CLI::App& program, action& chosen);
void add_validate_command(CLI::App& program, action& chosen);
void add_sql_command(CLI::App& program, action& chosen);
void add_status_command(CLI::App& program, action& chosen);
void add_completion_command(CLI::App& program, action& chosen);
void add_version_command(CLI::App& program, action& chosen);

}  // namespace weir::cli

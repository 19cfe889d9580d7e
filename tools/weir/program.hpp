// What a call of the command line does.
#pragma once

#include <string>
#include <vector>

#include "tools/weir/exit_code.hpp"
#include "tools/weir/terminal.hpp"

namespace weir::cli {

// One call, without the program's name. Answers and help go to io.out, everything else to io.err.
exit_code run_program(const std::vector<std::string>& arguments, const terminal& io);

}  // namespace weir::cli

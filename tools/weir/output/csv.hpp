// Comma-separated values (RFC 4180).
#pragma once

#include <string>
#include <vector>

namespace weir::cli {

// One line, ending with "\r\n"; cells with a comma, a quote or a line break are quoted.
std::string csv_line(const std::vector<std::string>& cells);

}  // namespace weir::cli

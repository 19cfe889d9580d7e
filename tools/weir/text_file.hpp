// Reads a file that a person named; '-' is standard input.
#pragma once

#include <string>

#include "runtime/result.hpp"

namespace weir::cli {

// The whole file. Errors name it and tell why; limit_exceeded beyond max_bytes.
result<std::string> read_text_file(const std::string& path, std::size_t max_bytes);

}  // namespace weir::cli

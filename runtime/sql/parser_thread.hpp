// PostgreSQL's parser, on the one thread of the process that calls it.
#pragma once

#include <string>

#include "runtime/result.hpp"

namespace weir {

struct raw_parse {
  std::string tree;         // JSON; of a statement that parses
  std::string error;        // empty: it does
  int error_character = 0;  // from 1; 0: unknown
};

// Any thread; statements are parsed one after the other. errc::unavailable: there is no thread.
result<raw_parse> parse_on_own_thread(const std::string& sql);

}  // namespace weir

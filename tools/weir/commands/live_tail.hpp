// Follows a live feed of rows: prints them as they come, and takes a lost connection up again where it broke.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "tools/weir/session.hpp"

namespace weir::cli {

struct tail_options {
  std::string from = "now";  // start, now, or a token of an earlier tail
  std::uint64_t limit = 0;   // rows; 0: no limit
  int retries = 10;          // connections lost in a row before it gives up
};

// `path`: of the feed, like {"views", name, "live"}. Ends with ok at the limit and at Ctrl-C.
result<exit_code> tail_live(session& s, const std::function<target()>& feed, const tail_options& o);

// How long to wait before try number `attempt` (1, 2, ...): doubling from 250 ms to 10 s.
std::chrono::milliseconds retry_delay(int attempt);

}  // namespace weir::cli

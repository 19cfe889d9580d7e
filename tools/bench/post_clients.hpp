// Clients that POST records over connections that stay open, all on the caller's thread.
#pragma once

#include <string>

#include "tools/bench/node_process.hpp"
#include "tools/bench/sent_records.hpp"

namespace weir::bench {

// Each connection sends its next request when the one before is answered; with a rate, requests are due at even
// intervals, go out on whatever connection is free, and carry the time at which they were due. Throws when an answer is
// not 200.
load_result post_records(const node_address& to, const std::string& stream, int connections, const load& what);

}  // namespace weir::bench

// The bare loop: the least that W1 takes. One thread, simdjson over the records in memory, a hash map of windows; no
// log, no commit, no lateness.
#pragma once

#include <vector>

#include "tools/bench/w1_workload.hpp"

namespace weir::bench {

std::vector<w1_window> run_bare_w1(const w1_workload& input);

}  // namespace weir::bench

// Sources that belong together, as one line of a table.
#pragma once

#include "tools/weir/problem.hpp"

namespace weir::cli {

// Items with the same `group` become one item where the first of them stands: how many there are, their states, the sum
// of their rates, the least lag, the first error.
json fold_groups(const json& sources);

}  // namespace weir::cli

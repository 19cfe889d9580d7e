// Texts joined: || and concat().
#pragma once

#include "runtime/sql/expression_node.hpp"

namespace weir {

// skip_nulls: concat(), where a null is nothing; else one null makes the answer null.
node_ptr make_concatenation(std::vector<node_ptr> texts, bool skip_nulls);

}  // namespace weir

// + - * / % on numbers, times and intervals, as PostgreSQL: integers truncate, overflow and division by zero are errors
// of the row.
#pragma once

#include <optional>

#include "runtime/sql/expression_node.hpp"

namespace weir {

// What `left op right` answers; none when the operator is not defined for these types. bigint arguments beside double
// precision are to be cast before.
std::optional<data_type> arithmetic_type(char op, data_type left, data_type right);
node_ptr make_arithmetic(char op, node_ptr left, node_ptr right);  // types for which arithmetic_type answers
node_ptr make_negation(node_ptr value);                            // bigint, double precision, interval

}  // namespace weir

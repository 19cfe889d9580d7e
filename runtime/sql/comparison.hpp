// Comparisons as PostgreSQL: text by bytes, NaN equal to itself and above all numbers.
#pragma once

#include "runtime/sql/expression_node.hpp"

namespace weir {

enum class comparison_kind : std::uint8_t { equal, not_equal, less, less_equal, greater, greater_equal };

// Negative, zero or positive; both values are not null and of one type.
int compare_values(const column& a, std::size_t i, const column& b, std::size_t j);

// All arguments of one type.
node_ptr make_comparison(comparison_kind kind, node_ptr a, node_ptr b);
node_ptr make_distinct(node_ptr a, node_ptr b, bool negated);  // IS [NOT] DISTINCT FROM
node_ptr make_in_literals(node_ptr value, std::vector<node_ptr> literals, bool negated);
node_ptr make_nullif(node_ptr a, node_ptr b);
node_ptr make_extreme(std::vector<node_ptr> arguments, bool greatest);
node_ptr make_is_null(node_ptr a, bool negated);
// IS [NOT] TRUE, FALSE, UNKNOWN: `wanted` 1, 0, or none for unknown.
node_ptr make_is_boolean(node_ptr a, std::optional<bool> wanted, bool negated);
node_ptr make_not(node_ptr a);

}  // namespace weir

// Casts between types, and values as text.
#pragma once

#include <string>

#include "runtime/sql/expression_node.hpp"
#include "runtime/sql/sql_type.hpp"

namespace weir {

// Null when there is no such cast.
node_ptr make_cast(node_ptr value, const sql_type& to);
node_ptr make_cast(node_ptr value, data_type to);
node_ptr make_boolean_letter(node_ptr value);  // 't' or 'f'

// As PostgreSQL prints it, but timestamptz as 2020-01-01T10:00:00Z and booleans as true and false.
void append_cast_text(std::string& out, const column& values, std::size_t row);
// The shortest text that reads back as the same double: 0.1, 1e+20, NaN, -Infinity.
void append_double(std::string& out, double value);

}  // namespace weir

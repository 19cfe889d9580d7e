// Type names of SQL.
#pragma once

#include <cstdint>
#include <string>

#include "runtime/batch/schema.hpp"
#include "runtime/sql/parse_tree.hpp"

namespace weir {

struct sql_type {
  data_type type = data_type::text;
  std::string name;       // as errors say it: smallint
  int integer_bits = 64;  // of smallint (16), integer (32) and bigint: casts check the range
};

// What a refused or misspelt type name means; the caller adds the position.
struct type_problem {
  std::string message;
  std::string hint;
};

// A TypeName of the parse tree.
tl::expected<sql_type, type_problem> resolve_type(tree_node type_name);

}  // namespace weir

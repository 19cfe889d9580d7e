// Bound expressions: typed parts of a statement, and the names that they can use.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/sql/expression_node.hpp"
#include "runtime/sql/plan.hpp"

namespace weir {

struct bound {
  node_ptr node;
  bool untyped = false;  // a quoted text or NULL that takes its type from what stands beside it; `node` is text
  int shape = 0;         // bind_context::shape
  std::size_t at = 0;
  // Above a GROUP BY: a column of the input that no group key has made a column of the group (yet).
  struct ungrouped_column {
    std::string name;
    std::size_t at = 0;
  };
  std::optional<ungrouped_column> ungrouped;

  data_type type() const { return node->type(); }
};

// The columns that a statement's FROM offers. Columns that are used become the plan's input columns.
class input_scope {
 public:
  struct column {
    std::string name;
    data_type type = data_type::text;
    bool not_null = false;
    input_field from;
    bool in_star = true;  // SELECT * leaves out what weir adds to every record
  };

  std::string relation;   // the stream or view
  std::string alias;      // what qualifies its columns
  bool windowed = false;  // window_start and window_end are there, and hide columns of these names

  void add(column c) { columns_.push_back(std::move(c)); }
  std::optional<std::size_t> find(std::string_view name) const;
  const std::vector<column>& columns() const { return columns_; }
  // Index among the plan's input columns.
  std::size_t use(std::size_t column_index);
  const std::vector<field>& used_fields() const { return used_fields_; }
  const std::vector<input_field>& used_origins() const { return used_origins_; }

 private:
  std::vector<column> columns_;
  std::vector<std::optional<std::size_t>> used_;
  std::vector<field> used_fields_;
  std::vector<input_field> used_origins_;
};

// GROUP BY and what the output asks of each group.
struct grouping {
  struct key {
    bound value;
    std::string name;  // of its group column
  };
  std::vector<key> keys;
  bool windowed = false;
  std::vector<aggregate_call> aggregates;
  std::vector<int> aggregate_shapes;

  std::size_t window_start_column() const { return keys.size(); }
  std::size_t aggregate_column(std::size_t i) const { return keys.size() + (windowed ? 2 : 0) + i; }
  schema_ptr columns() const;  // plan's group_columns
};

}  // namespace weir

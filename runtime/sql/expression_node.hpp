// What compiled expressions are made of: leaves, calls of vectorized kernels, and the parts that evaluate lazily.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "runtime/sql/expression.hpp"

namespace weir {

class expression_node : public expression {
 public:
  // The literal's value as a column of one row; null for all other nodes.
  virtual column_ptr constant() const { return nullptr; }
  virtual void columns_used(std::vector<std::size_t>& out) const = 0;
};

using node_ptr = std::shared_ptr<const expression_node>;

// An argument of a kernel: a value per row, or one value for all rows.
struct operand {
  column_ptr values;
  bool constant = false;

  std::size_t row(std::size_t r) const { return constant ? 0 : r; }
  bool is_null(std::size_t r) const { return values->is_null(row(r)); }
  bool has_nulls() const { return values->has_nulls(); }
};

operand evaluate_operand(const expression_node& node, const record_batch& input, std::vector<row_error>& errors);

// Answers a column of `rows` values. Errors name rows of this call.
using kernel = std::function<column_ptr(std::span<const operand>, std::size_t rows, std::vector<row_error>&)>;

node_ptr make_column(std::size_t index, data_type type);
node_ptr make_literal(column value);  // one row
node_ptr make_null(data_type type);
node_ptr make_bigint(std::int64_t value, data_type type = data_type::bigint);
node_ptr make_text(std::string_view value, data_type type = data_type::text);
// Folds into a literal when all arguments are literals and the kernel answers without an error.
node_ptr make_call(data_type type, std::vector<node_ptr> arguments, kernel run, bool kernel_can_fail);

// Lazy parts. AND and OR look at what stands on the right only for rows that the left leaves open.
node_ptr make_and(std::vector<node_ptr> terms);
node_ptr make_or(std::vector<node_ptr> terms);
struct case_branch {
  node_ptr condition;  // boolean
  node_ptr result;
};
node_ptr make_case(data_type type, std::vector<case_branch> branches, node_ptr otherwise);
node_ptr make_coalesce(data_type type, std::vector<node_ptr> choices);

// What callers get: one error a row, whose value is null then.
expression_ptr finish_expression(node_ptr node);

// One byte per row, empty when no row of any operand is null.
std::vector<std::uint8_t> merged_validity(std::span<const operand> operands, std::size_t rows);
column_ptr all_null(data_type type, std::size_t rows);

}  // namespace weir

// Typed, vectorized expressions: what SQL's scalar part compiles to. Immutable and safe to share between threads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/batch/column.hpp"

namespace weir {

// A row that an expression could not answer for (division by zero, a text that is no number): the row's value is null
// in the column and the error is listed here, so the row can go to the view's dead letters instead of into its results.
struct row_error {
  std::uint32_t row = 0;
  std::string reason;
};

class expression {
 public:
  virtual ~expression() = default;
  virtual data_type type() const = 0;
  // One value per row of `input`, whose schema is the one that the expression was bound to. Appends to `errors`, at
  // most one a row and call. CASE, COALESCE, AND and OR evaluate a part that can fail only for the rows that need it.
  virtual column_ptr evaluate(const record_batch& input, std::vector<row_error>& errors) const = 0;
  virtual bool can_fail() const = 0;
  // The input column when the expression is nothing but that column; else none. Lets callers skip evaluation.
  virtual std::optional<std::size_t> input_column() const { return std::nullopt; }
};

using expression_ptr = std::shared_ptr<const expression>;

}  // namespace weir

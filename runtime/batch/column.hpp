// Columns and batches: how rows travel between operators.
//
// A column keeps one vector for its type and, when it holds a null, one validity byte per row (an empty vector means
// that no row is null). Columns are immutable once they are in a batch, so batches share them by pointer; a row that is
// null still has a slot (0, 0.0, "") in the value vector.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/batch/schema.hpp"

namespace weir {

class column {
 public:
  explicit column(data_type type) : type_(type) {}

  data_type type() const { return type_; }
  std::size_t size() const { return size_; }
  bool has_nulls() const { return !valid_.empty(); }
  bool is_null(std::size_t row) const { return !valid_.empty() && valid_[row] == 0; }

  // bigint, timestamptz, interval; boolean as 0 or 1.
  std::span<const std::int64_t> ints() const { return ints_; }
  std::span<const double> doubles() const { return doubles_; }
  std::string_view text(std::size_t row) const {
    const std::size_t begin = row == 0 ? 0 : ends_[row - 1];
    return {chars_.data() + begin, ends_[row] - begin};
  }

  void reserve(std::size_t rows);
  void push_int(std::int64_t v) {
    ints_.push_back(v);
    grown(true);
  }
  void push_double(double v) {
    doubles_.push_back(v);
    grown(true);
  }
  void push_text(std::string_view v) {
    chars_.append(v);
    ends_.push_back(static_cast<std::uint32_t>(chars_.size()));
    grown(true);
  }
  void push_null();
  // Copies one row of another column of the same type.
  void push_from(const column& other, std::size_t row);
  // Forgets the rows from `rows` on: how a decoder takes back a half-built row.
  void truncate(std::size_t rows);
  // Rows of this column at the given indices, in that order.
  column gather(std::span<const std::uint32_t> rows) const;
  std::size_t memory_bytes() const;

  // Whole vectors at once, for kernels. `valid` is empty or as long as the values.
  static column from_ints(data_type type, std::vector<std::int64_t> values, std::vector<std::uint8_t> valid = {});
  static column from_doubles(std::vector<double> values, std::vector<std::uint8_t> valid = {});
  std::span<const std::uint8_t> validity() const { return valid_; }

 private:
  void grown(bool is_valid) {
    ++size_;
    if (!valid_.empty()) valid_.push_back(is_valid ? 1 : 0);
  }

  data_type type_;
  std::size_t size_ = 0;
  std::vector<std::uint8_t> valid_;
  std::vector<std::int64_t> ints_;
  std::vector<double> doubles_;
  std::vector<std::uint32_t> ends_;
  std::string chars_;
};

using column_ptr = std::shared_ptr<const column>;

struct record_batch {
  schema_ptr columns_schema;
  std::vector<column_ptr> columns;  // as many as the schema has fields
  std::size_t rows = 0;

  record_batch gather(std::span<const std::uint32_t> selected) const;
  std::size_t memory_bytes() const;
};

// Builds a batch row by row. A decoder pushes one value into every column, then calls row_done(); when a record turns
// out bad it calls row_failed(), which takes back what the row had pushed.
class batch_builder {
 public:
  explicit batch_builder(schema_ptr s);

  const schema& columns_schema() const { return *schema_; }
  column& at(std::size_t field) { return columns_[field]; }
  void row_done() { ++rows_; }
  void row_failed();
  std::size_t rows() const { return rows_; }
  record_batch finish();  // leaves the builder empty, ready for the next batch

 private:
  schema_ptr schema_;
  std::vector<column> columns_;
  std::size_t rows_ = 0;
};

}  // namespace weir

// Rows on their way out of an operator.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "runtime/operators/view_operator.hpp"

namespace weir {

// The one row of an aggregate over everything is replaced like any other of an upsert view: its key is the empty text.
inline bool rows_have_keys(const view_plan& plan) {
  return !plan.key_columns.empty() || plan.kind == view_kind::upsert;
}

// Puts rows behind those that `out` already holds.
void append_rows(stamped_batch rows, stamped_batch& out);

// Builds rows of a grouped view one by one, with their keys and stamps.
class output_rows {
 public:
  explicit output_rows(const view_plan& plan) : plan_(plan), columns_(plan.output_columns) {}

  void add(const record_batch& from, std::size_t row, std::string_view source, std::int64_t event_time_us,
           std::uint8_t late, std::int8_t sign);
  bool empty() const { return stamps_.event_time_us.empty(); }
  // Hands the rows over and is empty again.
  void finish(operator_output& out);

 private:
  const view_plan& plan_;
  batch_builder columns_;
  stamped_batch stamps_;
  std::vector<std::string> keys_;
  std::vector<std::string> sources_;
  std::unordered_map<std::string, std::uint32_t> source_numbers_;
};

}  // namespace weir

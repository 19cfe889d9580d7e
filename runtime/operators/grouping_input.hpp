// The first half of a grouping operator: which rows of a batch enter, and what of them is grouped and aggregated.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/operators/view_operator.hpp"

namespace weir {

// What one aggregate takes of the rows that entered.
struct aggregate_input {
  column_ptr values;  // none for count(*)
  bool filtered = false;
  std::vector<std::uint32_t> rows;  // when filtered: those that FILTER lets through; `values` has one value for each
};

struct grouping_rows {
  std::size_t size = 0;
  std::vector<column_ptr> keys;
  std::vector<aggregate_input> aggregates;
  std::span<const std::int64_t> event_time_us;
  std::span<const std::uint32_t> source;
  std::span<const std::uint64_t> sequence;
  std::span<const std::int8_t> sign;  // empty: all +1
  const std::vector<std::string>* sources = nullptr;
};

// Which rows are late. Records before the horizon lie in a window that a flush has closed.
struct late_rule {
  std::uint8_t flag = 0;  // late_flag; 0: the view has no window, nothing is late
  std::int64_t horizon_us = no_watermark;
  const std::unordered_map<std::string, std::int64_t>* horizon_by_source = nullptr;  // instead of horizon_us
};

class grouping_input {
 public:
  explicit grouping_input(const view_plan& plan) : plan_(plan) {}

  // The rows that enter; valid until the next call and as long as `input` lives. The others go to out.late and
  // out.dead.
  const grouping_rows& take(const stamped_batch& input, const late_rule& rule, operator_output& out);

 private:
  void select(const stamped_batch& input, const late_rule& rule, operator_output& out);
  std::vector<row_error> evaluate(const stamped_batch& input);
  column_ptr evaluate_one(const expression& e, const stamped_batch& input, std::span<const std::uint32_t> selected,
                          std::vector<row_error>& errors) const;
  void point_at_stamps(const stamped_batch& input);

  const view_plan& plan_;
  std::vector<std::uint32_t> selected_;
  bool all_selected_ = false;
  grouping_rows rows_;
  std::vector<std::int64_t> event_time_us_;
  std::vector<std::uint32_t> source_;
  std::vector<std::uint64_t> sequence_;
  std::vector<std::int8_t> sign_;
};

// A row of an input that a view does not take.
refused_row refuse(const stamped_batch& input, std::size_t row, std::string reason);

// Rows that pass `where`; rows that it fails on go to out.dead. Ascending.
std::vector<std::uint32_t> rows_that_pass(const expression& where, const stamped_batch& input, operator_output& out);

}  // namespace weir

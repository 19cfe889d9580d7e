// Filter and project: no state, nothing to close.
#include "runtime/operators/stateless_operator.hpp"

#include <algorithm>
#include <numeric>

#include "runtime/batch/key_codec.hpp"
#include "runtime/operators/grouping_input.hpp"
#include "runtime/operators/output_rows.hpp"

namespace weir {

namespace {

template <class T>
std::vector<T> pick(const std::vector<T>& from, std::span<const std::uint32_t> rows) {
  std::vector<T> out(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) out[i] = from[rows[i]];
  return out;
}

// Stamps travel with their rows; the original bytes stay behind, for these are rows of a view now.
stamped_batch stamps_of(const stamped_batch& input, std::span<const std::uint32_t> rows) {
  stamped_batch out;
  out.sources = input.sources;
  if (rows.size() == input.size()) {
    out.event_time_us = input.event_time_us;
    out.source = input.source;
    out.sequence = input.sequence;
    out.late = input.late;
    out.sign = input.sign;
    return out;
  }
  out.event_time_us = pick(input.event_time_us, rows);
  out.source = pick(input.source, rows);
  out.sequence = pick(input.sequence, rows);
  out.late = pick(input.late, rows);
  if (!input.sign.empty()) out.sign = pick(input.sign, rows);
  return out;
}

class stateless_operator final : public view_operator {
 public:
  explicit stateless_operator(const view_plan& plan) : plan_(plan) {}

  status process(const stamped_batch& input, operator_output& out) override {
    std::vector<std::uint32_t> rows;
    if (plan_.where) {
      rows = rows_that_pass(*plan_.where, input, out);
    } else {
      rows.resize(input.size());
      std::iota(rows.begin(), rows.end(), 0u);
    }
    record_batch projected = project(input, rows, out);
    if (rows.empty()) return {};
    stamped_batch passed = stamps_of(input, rows);
    passed.rows = std::move(projected);
    if (rows_have_keys(plan_))
      for (std::size_t i = 0; i < rows.size(); ++i) out.keys.push_back(encode_key(passed.rows, plan_.key_columns, i));
    append_rows(std::move(passed), out.rows);
    return {};
  }
  status advance(const time_progress&, operator_output&) override { return {}; }
  status cut(operator_output&, std::vector<state_change>&) override { return {}; }
  status restore(std::string_view, std::string_view) override {
    return fail(errc::corrupt, "view {} keeps no state, yet some is stored for it", plan_.name);
  }
  void forget(std::string_view) override {}
  std::size_t memory_bytes() const override { return 0; }

 private:
  // The output columns of the given rows; rows that an expression fails on leave `rows` for out.dead.
  record_batch project(const stamped_batch& input, std::vector<std::uint32_t>& rows, operator_output& out) const {
    for (;;) {
      const record_batch selected = rows.size() == input.size() ? input.rows : input.rows.gather(rows);
      record_batch projected{plan_.output_columns, {}, rows.size()};
      std::vector<row_error> errors;
      for (const auto& e : plan_.output) projected.columns.push_back(e->evaluate(selected, errors));
      if (errors.empty()) return projected;
      std::stable_sort(errors.begin(), errors.end(), [](auto& a, auto& b) { return a.row < b.row; });
      std::vector<std::uint32_t> kept;
      std::size_t next = 0;
      for (std::uint32_t i = 0; i < rows.size(); ++i) {
        if (next == errors.size() || errors[next].row != i) {
          kept.push_back(rows[i]);
          continue;
        }
        out.dead.push_back(refuse(input, rows[i], std::move(errors[next].reason)));
        while (next < errors.size() && errors[next].row == i) ++next;
      }
      rows = std::move(kept);
    }
  }

  const view_plan plan_;
};

}  // namespace

std::unique_ptr<view_operator> make_stateless_operator(const view_plan& plan) {
  return std::make_unique<stateless_operator>(plan);
}

}  // namespace weir

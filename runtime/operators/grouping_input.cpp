#include "runtime/operators/grouping_input.hpp"

#include <algorithm>
#include <numeric>

#include "runtime/operators/row_json.hpp"
#include "runtime/time/timestamp.hpp"

namespace weir {

namespace {

template <class T>
std::span<const T> pick(const std::vector<T>& from, std::span<const std::uint32_t> selected, std::vector<T>& kept) {
  kept.resize(selected.size());
  for (std::size_t i = 0; i < selected.size(); ++i) kept[i] = from[selected[i]];
  return kept;
}

// Horizons of the sources in a batch's dictionary.
std::vector<std::int64_t> horizons_of(const stamped_batch& input, const late_rule& rule) {
  std::vector<std::int64_t> out;
  if (rule.horizon_by_source == nullptr || rule.horizon_by_source->empty()) return out;
  for (const auto& source : *input.sources) {
    const auto found = rule.horizon_by_source->find(source);
    out.push_back(found == rule.horizon_by_source->end() ? no_watermark : found->second);
  }
  return out;
}

}  // namespace

refused_row refuse(const stamped_batch& input, std::size_t row, std::string reason) {
  refused_row out;
  out.reason = std::move(reason);
  out.original = input.raw ? std::string((*input.raw)[input.original[row]]) : row_json(input.rows, row);
  out.source = (*input.sources)[input.source[row]];
  out.sequence = input.sequence[row];
  out.event_time_us = input.event_time_us[row];
  return out;
}

std::vector<std::uint32_t> rows_that_pass(const expression& where, const stamped_batch& input, operator_output& out) {
  std::vector<row_error> errors;
  const auto passed = where.evaluate(input.rows, errors);
  for (auto& e : errors) out.dead.push_back(refuse(input, e.row, std::move(e.reason)));
  std::vector<std::uint32_t> rows;
  rows.reserve(input.size());
  const auto values = passed->ints();
  for (std::uint32_t i = 0; i < input.size(); ++i)
    if (values[i] != 0 && !passed->is_null(i)) rows.push_back(i);
  return rows;
}

void grouping_input::select(const stamped_batch& input, const late_rule& rule, operator_output& out) {
  if (plan_.where) {
    selected_ = rows_that_pass(*plan_.where, input, out);
  } else {
    selected_.resize(input.size());
    std::iota(selected_.begin(), selected_.end(), 0u);
  }
  const auto horizons = horizons_of(input, rule);
  const auto leaves = [&](std::uint32_t row) {
    const std::int64_t t = input.event_time_us[row];
    if (t < timestamp_min_us || t > timestamp_max_us) {
      out.dead.push_back(refuse(input, row, fmt::format("event time {} us lies outside the years 1 to 9999", t)));
      return true;
    }
    if (rule.flag == 0) return false;
    if ((input.late[row] & rule.flag) != 0) {
      const auto* const behind = rule.flag == late_for_source ? "its source" : "the stream";
      out.late.push_back(refuse(
          input, row, fmt::format("late: event time {} is behind the watermark of {}", format_timestamp(t), behind)));
      return true;
    }
    if (t >= (horizons.empty() ? rule.horizon_us : horizons[input.source[row]])) return false;
    out.late.push_back(
        refuse(input, row,
               fmt::format("late: the window of event time {} was closed when its sources ended or fell silent",
                           format_timestamp(t))));
    return true;
  };
  selected_.erase(std::remove_if(selected_.begin(), selected_.end(), leaves), selected_.end());
  all_selected_ = selected_.size() == input.size();
}

column_ptr grouping_input::evaluate_one(const expression& e, const stamped_batch& input,
                                        std::span<const std::uint32_t> selected, std::vector<row_error>& errors) const {
  const bool all = selected.size() == input.size();
  if (const auto c = e.input_column()) {
    if (all) return input.rows.columns[*c];
    return std::make_shared<const column>(input.rows.columns[*c]->gather(selected));
  }
  return all ? e.evaluate(input.rows, errors) : e.evaluate(input.rows.gather(selected), errors);
}

std::vector<row_error> grouping_input::evaluate(const stamped_batch& input) {
  std::vector<row_error> errors;
  rows_.keys.clear();
  for (const auto& key : plan_.keys) rows_.keys.push_back(evaluate_one(*key, input, selected_, errors));
  rows_.aggregates.assign(plan_.aggregates.size(), {});
  for (std::size_t k = 0; k < plan_.aggregates.size(); ++k) {
    const auto& call = plan_.aggregates[k];
    auto& taken = rows_.aggregates[k];
    if (!call.filter) {
      if (call.argument) taken.values = evaluate_one(*call.argument, input, selected_, errors);
      continue;
    }
    taken.filtered = true;
    const auto passed = evaluate_one(*call.filter, input, selected_, errors);
    for (std::uint32_t i = 0; i < selected_.size(); ++i)
      if (passed->ints()[i] != 0 && !passed->is_null(i)) taken.rows.push_back(i);
    if (!call.argument) continue;
    // The argument only sees the rows that the filter lets through: CASE-like guards are written so.
    std::vector<std::uint32_t> of_input(taken.rows.size());
    for (std::size_t i = 0; i < of_input.size(); ++i) of_input[i] = selected_[taken.rows[i]];
    std::vector<row_error> failed;
    taken.values = evaluate_one(*call.argument, input, of_input, failed);
    for (auto& e : failed) errors.push_back({taken.rows[e.row], std::move(e.reason)});
  }
  return errors;
}

void grouping_input::point_at_stamps(const stamped_batch& input) {
  rows_.size = selected_.size();
  rows_.sources = input.sources.get();
  const bool signed_rows = plan_.input_kind == view_kind::upsert && !input.sign.empty();
  rows_.sign = {};
  if (all_selected_) {
    rows_.event_time_us = input.event_time_us;
    rows_.source = input.source;
    rows_.sequence = input.sequence;
    if (signed_rows) rows_.sign = input.sign;
    return;
  }
  rows_.event_time_us = pick(input.event_time_us, selected_, event_time_us_);
  rows_.source = pick(input.source, selected_, source_);
  rows_.sequence = pick(input.sequence, selected_, sequence_);
  if (signed_rows) rows_.sign = pick(input.sign, selected_, sign_);
}

const grouping_rows& grouping_input::take(const stamped_batch& input, const late_rule& rule, operator_output& out) {
  select(input, rule, out);
  // A row that fails anywhere enters no aggregate; expressions are functions, so the second round has no errors.
  for (auto errors = evaluate(input); !errors.empty(); errors = evaluate(input)) {
    std::stable_sort(errors.begin(), errors.end(), [](auto& a, auto& b) { return a.row < b.row; });
    std::vector<std::uint32_t> kept;
    std::size_t next = 0;
    for (std::uint32_t i = 0; i < selected_.size(); ++i) {
      if (next == errors.size() || errors[next].row != i) {
        kept.push_back(selected_[i]);
        continue;
      }
      out.dead.push_back(refuse(input, selected_[i], std::move(errors[next].reason)));
      while (next < errors.size() && errors[next].row == i) ++next;
    }
    selected_ = std::move(kept);
    all_selected_ = false;
  }
  point_at_stamps(input);
  return rows_;
}

}  // namespace weir

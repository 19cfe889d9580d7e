#include "runtime/operators/group_projection.hpp"

#include <algorithm>
#include <numeric>

#include "runtime/batch/key_codec.hpp"
#include "runtime/operators/row_json.hpp"
#include "runtime/time/timestamp.hpp"

namespace weir {

namespace {

// Keys as they are encoded, not as the first row had them: -0.0 is 0.0 whichever row came first.
void push_keys(const view_plan& plan, const group_store& store, std::span<const std::uint32_t> slots,
               record_batch& out) {
  std::vector<column> columns;
  for (const auto& k : plan.keys) columns.emplace_back(k->type());
  for (const auto slot : slots) {
    std::string_view rest = store.at(slot).key;
    for (auto& c : columns)
      if (!decode_key(rest, c)) c.push_null();
  }
  for (auto& c : columns) out.columns.push_back(std::make_shared<const column>(std::move(c)));
}

// A window may begin before the year 1 or end behind 9999 though no record lies there; no text can say such a time.
void push_windows(const view_plan& plan, const group_store& store, std::span<const std::uint32_t> slots,
                  record_batch& out, std::vector<row_error>& errors) {
  if (plan.window.kind == window_kind::none) return;
  column start(data_type::timestamptz), end(data_type::timestamptz);
  for (std::uint32_t i = 0; i < slots.size(); ++i) {
    start.push_int(store.at(slots[i]).start);
    end.push_int(store.window_end(slots[i]));
    if (start.ints()[i] < timestamp_min_us || end.ints()[i] > timestamp_max_us)
      errors.push_back({i, "its window begins or ends outside the years 1 to 9999"});
  }
  out.columns.push_back(std::make_shared<const column>(std::move(start)));
  out.columns.push_back(std::make_shared<const column>(std::move(end)));
}

void keep(projected_groups& p, std::span<const std::uint32_t> kept) {
  if (kept.size() == p.groups.size()) return;
  p.rows = p.rows.gather(kept);
  std::vector<std::uint32_t> left;
  for (const auto k : kept) left.push_back(p.groups[k]);
  p.groups = std::move(left);
}

// Moves the rows that failed to the failures; true when there were any.
bool drop(projected_groups& p, std::vector<row_error>& errors) {
  if (errors.empty()) return false;
  std::stable_sort(errors.begin(), errors.end(), [](auto& a, auto& b) { return a.row < b.row; });
  std::vector<std::uint32_t> kept;
  std::size_t next = 0;
  for (std::uint32_t i = 0; i < p.groups.size(); ++i) {
    if (next == errors.size() || errors[next].row != i) {
      kept.push_back(i);
      continue;
    }
    p.failures.push_back({p.groups[i], std::move(errors[next].reason), row_json(p.rows, i)});
    while (next < errors.size() && errors[next].row == i) ++next;
  }
  keep(p, kept);
  return true;
}

void push_aggregates(const view_plan& plan, const group_store& store, std::span<const std::uint32_t> slots,
                     record_batch& out, std::vector<row_error>& errors) {
  for (std::size_t k = 0; k < plan.aggregates.size(); ++k) {
    column values(plan.aggregates[k].type);
    for (std::uint32_t i = 0; i < slots.size(); ++i)
      if (auto reason = store.aggregate(k).push_result(slots[i], values); !reason.empty())
        errors.push_back({i, std::move(reason)});
    out.columns.push_back(std::make_shared<const column>(std::move(values)));
  }
}

}  // namespace

projected_groups groups_that_pass(const view_plan& plan, const group_store& store,
                                  std::span<const std::uint32_t> slots) {
  projected_groups p;
  p.groups.resize(slots.size());
  std::iota(p.groups.begin(), p.groups.end(), 0u);
  p.rows = {plan.group_columns, {}, slots.size()};
  std::vector<row_error> errors;
  push_keys(plan, store, slots, p.rows);
  push_windows(plan, store, slots, p.rows, errors);
  push_aggregates(plan, store, slots, p.rows, errors);
  drop(p, errors);
  if (!plan.having) return p;
  errors.clear();
  auto passed = plan.having->evaluate(p.rows, errors);
  if (drop(p, errors)) passed = plan.having->evaluate(p.rows, errors = {});
  std::vector<std::uint32_t> kept;
  for (std::uint32_t i = 0; i < p.groups.size(); ++i)
    if (passed->ints()[i] != 0 && !passed->is_null(i)) kept.push_back(i);
  keep(p, kept);
  return p;
}

projected_groups project_groups(const view_plan& plan, const group_store& store, std::span<const std::uint32_t> slots) {
  auto p = groups_that_pass(plan, store, slots);
  std::vector<row_error> errors;
  record_batch rows;
  do {
    errors.clear();
    rows = {plan.output_columns, {}, p.groups.size()};
    for (const auto& e : plan.output) rows.columns.push_back(e->evaluate(p.rows, errors));
  } while (drop(p, errors));
  p.rows = std::move(rows);
  return p;
}

std::string source_of_key(const view_plan& plan, std::string_view key) {
  for (std::size_t i = 0; i < plan.keys.size(); ++i) {
    column values(plan.keys[i]->type());
    if (!decode_key(key, values)) break;
    if (i == plan.source_key) return std::string(values.is_null(0) ? std::string_view{} : values.text(0));
  }
  return {};
}

}  // namespace weir

#include "runtime/operators/pull_query.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "runtime/operators/group_projection.hpp"

namespace weir {

namespace {

tl::unexpected<error> row_failure(const pull_plan& plan, std::string_view reason) {
  return fail(errc::invalid_argument, "query over {}: {}", plan.view, reason);
}

// The rows of a view as a batch of a stream, in the order that they stand in.
stamped_batch stamped(const record_batch& rows) {
  stamped_batch out;
  out.rows = rows;
  out.event_time_us.assign(rows.rows, 0);
  out.source.assign(rows.rows, 0);
  out.sequence.resize(rows.rows);
  std::iota(out.sequence.begin(), out.sequence.end(), std::uint64_t{0});
  out.late.assign(rows.rows, 0);
  out.sources = std::make_shared<const std::vector<std::string>>(1);
  return out;
}

result<record_batch> grouped_rows(const pull_plan& plan, const record_batch& view_rows, const operator_limits& limits) {
  view_plan grouping;
  grouping.name = plan.view;
  grouping.input_columns = plan.input_columns;
  grouping.where = plan.where;
  grouping.grouped = true;
  grouping.keys = plan.keys;
  grouping.aggregates = plan.aggregates;
  grouping.group_columns = plan.group_columns;
  grouping.having = plan.having;
  grouping_input input(grouping);
  group_store store(grouping, limits);
  operator_output refused;
  const auto batch = stamped(view_rows);
  const auto& rows = input.take(batch, {}, refused);
  if (!refused.dead.empty()) return row_failure(plan, refused.dead.front().reason);
  WEIR_TRY_VOID(store.add(rows));
  if (plan.keys.empty()) store.open_sole_group();
  std::vector<std::uint32_t> slots(store.slot_count());
  std::iota(slots.begin(), slots.end(), 0u);
  auto passed = groups_that_pass(grouping, store, slots);
  if (!passed.failures.empty()) return row_failure(plan, passed.failures.front().reason);
  return std::move(passed.rows);
}

result<record_batch> plain_rows(const pull_plan& plan, const record_batch& view_rows) {
  if (!plan.where) return view_rows;
  operator_output refused;
  const auto kept = rows_that_pass(*plan.where, stamped(view_rows), refused);
  if (!refused.dead.empty()) return row_failure(plan, refused.dead.front().reason);
  return view_rows.gather(kept);
}

template <class T>
int three_way(const T& a, const T& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

int compare(const column& values, std::uint32_t a, std::uint32_t b) {
  if (is_text_like(values.type())) return three_way(values.text(a), values.text(b));
  if (values.type() != data_type::double_precision) return three_way(values.ints()[a], values.ints()[b]);
  const double x = values.doubles()[a], y = values.doubles()[b];
  if (std::isnan(x) || std::isnan(y)) return three_way(std::isnan(x), std::isnan(y));
  return three_way(x, y);
}

status sort_rows(const pull_plan& plan, const record_batch& rows, std::vector<std::uint32_t>& order) {
  if (plan.sort.empty()) return {};
  std::vector<column_ptr> by;
  std::vector<row_error> errors;
  for (const auto& e : plan.sort_input) by.push_back(e->evaluate(rows, errors));
  if (!errors.empty()) return row_failure(plan, errors.front().reason);
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    for (const auto& key : plan.sort) {
      const auto& values = *by[key.column];
      const bool null_a = values.is_null(a), null_b = values.is_null(b);
      if (null_a && null_b) continue;
      if (null_a || null_b) return null_a == key.nulls_first;
      if (const int c = compare(values, a, b); c != 0) return key.descending ? c > 0 : c < 0;
    }
    return false;
  });
  return {};
}

}  // namespace

result<record_batch> run_pull_query(const pull_plan& plan, const record_batch& view_rows,
                                    const operator_limits& limits) {
  WEIR_TRY(rows, plan.grouped ? grouped_rows(plan, view_rows, limits) : plain_rows(plan, view_rows));
  std::vector<std::uint32_t> order(rows.rows);
  std::iota(order.begin(), order.end(), 0u);
  WEIR_TRY_VOID(sort_rows(plan, rows, order));
  const auto skipped =
      std::min<std::uint64_t>(static_cast<std::uint64_t>(std::max<std::int64_t>(0, plan.offset)), order.size());
  order.erase(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(skipped));
  if (plan.limit && *plan.limit >= 0 && static_cast<std::uint64_t>(*plan.limit) < order.size())
    order.resize(static_cast<std::size_t>(*plan.limit));
  const auto shown = rows.gather(order);
  record_batch out{plan.output_columns, {}, shown.rows};
  std::vector<row_error> errors;
  for (const auto& e : plan.output) out.columns.push_back(e->evaluate(shown, errors));
  if (!errors.empty()) return row_failure(plan, errors.front().reason);
  return out;
}

}  // namespace weir

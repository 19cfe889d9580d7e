#include "runtime/operators/view_operator.hpp"

#include "runtime/operators/grouped_view.hpp"
#include "runtime/operators/partial_entry.hpp"
#include "runtime/operators/stateless_operator.hpp"

namespace weir {

namespace {

// Groups where the rows are: every group's source lives in this shard.
class local_operator final : public view_operator {
 public:
  local_operator(const view_plan& plan, const operator_limits& limits)
      : plan_(plan), input_(plan_), groups_(plan_, limits, true) {}

  status process(const stamped_batch& input, operator_output& out) override {
    late_rule rule;
    if (plan_.window.kind != window_kind::none) rule = {late_for_source, no_watermark, &groups_.flush_horizons()};
    return groups_.add(input_.take(input, rule, out));
  }
  status advance(const time_progress& progress, operator_output& out) override {
    return groups_.advance(progress, out);
  }
  status cut(operator_output& out, std::vector<state_change>& changes) override { return groups_.cut(out, changes); }
  status restore(std::string_view key, std::string_view value) override { return groups_.restore(key, value); }
  void forget(std::string_view key) override { groups_.forget(key); }
  void restate(operator_output& out) const override { groups_.restate(out); }
  std::size_t memory_bytes() const override { return groups_.memory_bytes(); }
  std::size_t group_count() const override { return groups_.group_count(); }

 private:
  const view_plan plan_;
  grouping_input input_;
  grouped_view groups_;
};

class grouping_merging_operator final : public merging_operator {
 public:
  grouping_merging_operator(const view_plan& plan, const operator_limits& limits)
      : plan_(plan), groups_(plan_, limits, false) {}

  status process(const stamped_batch&, operator_output&) override {
    return fail(errc::internal, "view {}: rows came to the shard that takes partial groups", plan_.name);
  }
  status merge(std::string_view partial, operator_output&) override {
    byte_reader in(partial);
    if (in.u8() != partial_entry_version)
      return fail(errc::corrupt, "view {}: a partial of another version", plan_.name);
    while (!in.at_end()) {
      const auto key = in.bytes();
      const auto bytes = in.bytes();
      if (!in.ok()) return fail(errc::corrupt, "view {}: a partial ends inside a group", plan_.name);
      WEIR_TRY_VOID(groups_.merge(key, bytes));
    }
    return groups_.settle();
  }
  status advance(const time_progress& progress, operator_output& out) override {
    return groups_.advance(progress, out);
  }
  status cut(operator_output& out, std::vector<state_change>& changes) override { return groups_.cut(out, changes); }
  status restore(std::string_view key, std::string_view value) override { return groups_.restore(key, value); }
  void forget(std::string_view key) override { groups_.forget(key); }
  void restate(operator_output& out) const override { groups_.restate(out); }
  void told_until(const clock_state& clock) override { groups_.told_until(clock); }
  std::size_t memory_bytes() const override { return groups_.memory_bytes(); }
  std::size_t group_count() const override { return groups_.group_count(); }

 private:
  const view_plan plan_;
  grouped_view groups_;
};

}  // namespace

bool needs_shuffle(const view_plan& plan) { return plan.grouped && !plan.keyed_by_source; }

std::unique_ptr<view_operator> make_view_operator(const view_plan& plan, const operator_limits& limits) {
  if (!plan.grouped) return make_stateless_operator(plan);
  return std::make_unique<local_operator>(plan, limits);
}

std::unique_ptr<merging_operator> make_merging_operator(const view_plan& plan, const operator_limits& limits) {
  return std::make_unique<grouping_merging_operator>(plan, limits);
}

}  // namespace weir

// Groups the rows of one epoch, and sends the partial groups to the partitions that own their keys.
//
// An entry: version byte, then per group key (length-prefixed), length and bytes of group_store::serialize. Groups
// stand in the order of (key, window start), so equal epochs make equal entries.
#include <algorithm>

#include "runtime/batch/key_codec.hpp"
#include "runtime/operators/group_store.hpp"
#include "runtime/operators/partial_entry.hpp"
#include "runtime/operators/windows.hpp"

namespace weir {

namespace {

class grouping_partial_operator final : public partial_operator {
 public:
  grouping_partial_operator(const view_plan& plan, int partitions, const operator_limits& limits)
      : plan_(plan), partitions_(partitions), input_(plan_), store_(plan_, limits) {}

  status process(const stamped_batch& input, operator_output& out) override {
    late_rule rule;
    if (plan_.window.kind != window_kind::none)
      rule = {late_for_stream, flush_horizon(plan_.window, stream_.flushed_us), nullptr};
    const auto& rows = input_.take(input, rule, out);
    WEIR_TRY_VOID(store_.add(rows));
    store_.take_moved();
    for (const auto slot : store_.take_absorbed()) store_.release(slot);
    return {};
  }

  status advance(const time_progress& progress) override {
    stream_.watermark_us = std::max(stream_.watermark_us, progress.stream.watermark_us);
    stream_.flushed_us = std::max(stream_.flushed_us, progress.stream.flushed_us);
    return {};
  }

  status cut(std::vector<shuffle_entry>& out) override {
    std::vector<std::uint32_t> slots;
    for (const auto slot : store_.changed())
      if (store_.at(slot).live) slots.push_back(slot);
    std::sort(slots.begin(), slots.end(), [this](std::uint32_t a, std::uint32_t b) {
      const auto &x = store_.at(a), &y = store_.at(b);
      return std::tie(x.key, x.start) < std::tie(y.key, y.start);
    });
    std::vector<std::string> open(static_cast<std::size_t>(partitions_));
    std::string bytes;
    for (const auto slot : slots) {
      const auto& key = store_.at(slot).key;
      const auto partition = stable_hash(key) % static_cast<std::uint64_t>(partitions_);
      auto& entry = open[partition];
      if (entry.empty()) put_u8(entry, partial_entry_version);
      bytes.clear();
      store_.serialize(slot, bytes);
      put_bytes(entry, key);
      put_bytes(entry, bytes);
      if (entry.size() < partial_entry_bytes) continue;
      out.push_back({static_cast<int>(partition), std::move(entry)});
      entry.clear();
    }
    for (std::size_t p = 0; p < open.size(); ++p)
      if (!open[p].empty()) out.push_back({static_cast<int>(p), std::move(open[p])});
    store_.clear();
    return {};
  }

  std::size_t memory_bytes() const override { return store_.memory_bytes(); }

 private:
  const view_plan plan_;
  int partitions_;
  grouping_input input_;
  group_store store_;
  clock_state stream_;
};

}  // namespace

std::unique_ptr<partial_operator> make_partial_operator(const view_plan& plan, int partitions,
                                                        const operator_limits& limits) {
  return std::make_unique<grouping_partial_operator>(plan, partitions, limits);
}

}  // namespace weir

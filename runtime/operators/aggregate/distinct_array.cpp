// count, sum and avg over DISTINCT values: exact sets. Values are kept as keys (runtime/batch/key_codec.hpp), so they
// are distinct as GROUP BY says: every NaN alike, -0.0 as 0.0.
#include <algorithm>
#include <string_view>
#include <unordered_set>

#include "runtime/batch/key_codec.hpp"
#include "runtime/operators/aggregate/accumulator_array.hpp"
#include "runtime/operators/aggregate/exact_sum.hpp"

namespace weir {

namespace {

constexpr std::size_t node_bytes = 56;  // of a set's element beside its text

class distinct_array final : public accumulator_array {
 public:
  distinct_array(const aggregate_call& call, accumulator_context context)
      : kind_(call.kind), type_(call.argument->type()), context_(std::move(context)) {}

  void resize(std::size_t count) override { slots_.resize(count); }
  void clear(std::uint32_t slot) override {
    for (const auto& v : slots_[slot]) heap_bytes_ -= v.size() + node_bytes;
    slots_[slot] = {};
  }
  status add(const aggregate_rows& rows) override {
    if (!rows.sign.empty())
      return fail(errc::unsupported,
                  "an aggregate over DISTINCT values cannot take a row back: it may not stand over an "
                  "upsert view");
    std::string value;
    for (std::size_t i = 0; i < rows.slots.size(); ++i) {
      if (rows.values->is_null(i)) continue;
      value.clear();
      append_key(value, *rows.values, i);
      WEIR_TRY_VOID(insert(rows.slots[i], value));
    }
    return {};
  }
  void serialize(std::uint32_t slot, std::string& out) const override {
    const auto values = sorted(slot);
    put_varint(out, values.size());
    for (const auto v : values) put_bytes(out, v);
  }
  status merge(std::uint32_t slot, byte_reader& in) override {
    const std::uint64_t count = in.varint();
    std::string_view previous;
    for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
      const auto value = in.bytes();
      column decoded(type_);
      auto rest = value;
      if (!decode_key(rest, decoded) || !rest.empty() || decoded.is_null(0) || (i > 0 && value <= previous))
        in.reject();
      if (!in.ok()) break;
      previous = value;
      WEIR_TRY_VOID(insert(slot, std::string(value)));
    }
    return {};
  }
  std::string push_result(std::uint32_t slot, column& out) const override {
    const auto count = static_cast<std::int64_t>(slots_[slot].size());
    if (kind_ == aggregate_kind::count) {
      out.push_int(count);
      return {};
    }
    if (count == 0) {
      out.push_null();
      return {};
    }
    column values(type_);
    for (std::string_view v : slots_[slot])
      if (!decode_key(v, values)) return "a distinct value is no key";
    if (type_ == data_type::double_precision) {
      exact_sum sum;
      for (const double v : values.doubles()) sum.add(v);
      out.push_double(kind_ == aggregate_kind::avg ? mean_of(sum, count) : sum.rounded());
      return {};
    }
    int128 sum = 0;
    for (const std::int64_t v : values.ints()) sum += v;
    if (kind_ == aggregate_kind::sum) return push_integer_sum(sum, out);
    push_integer_mean(sum, count, out);
    return {};
  }
  std::size_t memory_bytes() const override { return slots_.capacity() * sizeof(set) + heap_bytes_; }

 private:
  using set = std::unordered_set<std::string>;

  status insert(std::uint32_t slot, const std::string& value) {
    auto& values = slots_[slot];
    if (!values.insert(value).second) return {};
    heap_bytes_ += value.size() + node_bytes;
    if (values.size() <= context_.distinct_values) return {};
    return with_hint(
        fail(errc::limit_exceeded, "{}: a DISTINCT aggregate holds more than {} values (limits.distinct_values)",
             context_.group_name(slot), context_.distinct_values),
        "raise limits.distinct_values, or group by something finer");
  }
  std::vector<std::string_view> sorted(std::uint32_t slot) const {
    std::vector<std::string_view> values(slots_[slot].begin(), slots_[slot].end());
    std::sort(values.begin(), values.end());
    return values;
  }

  aggregate_kind kind_;
  data_type type_;
  accumulator_context context_;
  std::size_t heap_bytes_ = 0;
  std::vector<set> slots_;
};

}  // namespace

std::unique_ptr<accumulator_array> make_distinct_array(const aggregate_call& call, accumulator_context context) {
  return std::make_unique<distinct_array>(call, std::move(context));
}

}  // namespace weir

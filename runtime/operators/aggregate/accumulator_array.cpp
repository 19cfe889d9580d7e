#include "runtime/operators/aggregate/accumulator_array.hpp"

#include <cmath>
#include <limits>

#include "runtime/operators/aggregate/exact_sum.hpp"

namespace weir {

namespace {

// Calls f(row, slot, sign) for every row whose value is not null.
template <class F>
void for_each_value(const aggregate_rows& rows, F f) {
  const std::size_t n = rows.slots.size();
  const bool plain = rows.sign.empty() && (rows.values == nullptr || !rows.values->has_nulls());
  if (plain) {
    for (std::size_t i = 0; i < n; ++i) f(i, rows.slots[i], 1);
    return;
  }
  for (std::size_t i = 0; i < n; ++i)
    if (rows.values == nullptr || !rows.values->is_null(i)) f(i, rows.slots[i], rows.sign.empty() ? 1 : rows.sign[i]);
}

void put_int128(std::string& out, int128 v) {
  put_u64(out, static_cast<std::uint64_t>(static_cast<uint128>(v)));
  put_u64(out, static_cast<std::uint64_t>(static_cast<uint128>(v) >> 64));
}

int128 read_int128(byte_reader& in) {
  const std::uint64_t low = in.u64();
  return static_cast<int128>(static_cast<uint128>(in.u64()) << 64 | low);
}

// Sums only grow by merging what another counted: bytes that would overflow are corrupt.
bool add_checked(std::int64_t& to, std::int64_t v) { return !__builtin_add_overflow(to, v, &to); }
bool add_checked(int128& to, int128 v) { return !__builtin_add_overflow(to, v, &to); }

class count_array final : public accumulator_array {
 public:
  void resize(std::size_t count) override { counts_.resize(count); }
  void clear(std::uint32_t slot) override { counts_[slot] = 0; }
  status add(const aggregate_rows& rows) override {
    auto* const counts = counts_.data();
    for_each_value(rows, [counts](std::size_t, std::uint32_t slot, int sign) { counts[slot] += sign; });
    return {};
  }
  void serialize(std::uint32_t slot, std::string& out) const override { put_zigzag(out, counts_[slot]); }
  status merge(std::uint32_t slot, byte_reader& in) override {
    const std::int64_t n = in.zigzag();
    if (in.ok() && !add_checked(counts_[slot], n)) in.reject();
    return {};
  }
  std::string push_result(std::uint32_t slot, column& out) const override {
    out.push_int(counts_[slot]);
    return {};
  }
  std::size_t memory_bytes() const override { return counts_.capacity() * sizeof(std::int64_t); }

 private:
  std::vector<std::int64_t> counts_;
};

// sum and avg over bigint and interval.
class integer_sum_array final : public accumulator_array {
 public:
  explicit integer_sum_array(bool mean) : mean_(mean) {}

  void resize(std::size_t count) override { slots_.resize(count); }
  void clear(std::uint32_t slot) override { slots_[slot] = {}; }
  status add(const aggregate_rows& rows) override {
    const auto values = rows.values->ints();
    auto* const slots = slots_.data();
    for_each_value(rows, [slots, values](std::size_t row, std::uint32_t slot, int sign) {
      slots[slot].sum += static_cast<int128>(values[row]) * sign;
      slots[slot].count += sign;
    });
    return {};
  }
  void serialize(std::uint32_t slot, std::string& out) const override {
    put_zigzag(out, slots_[slot].count);
    put_int128(out, slots_[slot].sum);
  }
  status merge(std::uint32_t slot, byte_reader& in) override {
    const std::int64_t count = in.zigzag();
    const int128 sum = read_int128(in);
    if (!in.ok()) return {};
    auto merged = slots_[slot];
    if (add_checked(merged.count, count) && add_checked(merged.sum, sum))
      slots_[slot] = merged;
    else
      in.reject();
    return {};
  }
  std::string push_result(std::uint32_t slot, column& out) const override {
    const auto& s = slots_[slot];
    if (s.count <= 0)
      out.push_null();
    else if (mean_)
      push_integer_mean(s.sum, s.count, out);
    else
      return push_integer_sum(s.sum, out);
    return {};
  }
  std::size_t memory_bytes() const override { return slots_.capacity() * sizeof(accumulator); }

 private:
  struct accumulator {
    int128 sum = 0;
    std::int64_t count = 0;
  };
  bool mean_;
  std::vector<accumulator> slots_;
};

// sum and avg over double precision.
class double_sum_array final : public accumulator_array {
 public:
  explicit double_sum_array(bool mean) : mean_(mean) {}

  void resize(std::size_t count) override { slots_.resize(count); }
  void clear(std::uint32_t slot) override {
    slots_[slot].sum.clear();
    slots_[slot].count = 0;
  }
  status add(const aggregate_rows& rows) override {
    const auto values = rows.values->doubles();
    for_each_value(rows, [this, values](std::size_t row, std::uint32_t slot, int sign) {
      auto& s = slots_[slot];
      const std::size_t before = s.sum.heap_bytes();
      s.sum.add(values[row], sign < 0);
      s.count += sign;
      heap_bytes_ += s.sum.heap_bytes() - before;
    });
    return {};
  }
  void serialize(std::uint32_t slot, std::string& out) const override {
    put_zigzag(out, slots_[slot].count);
    slots_[slot].sum.serialize(out);
  }
  status merge(std::uint32_t slot, byte_reader& in) override {
    auto& s = slots_[slot];
    const std::size_t before = s.sum.heap_bytes();
    const std::int64_t count = in.zigzag();
    s.sum.merge_serialized(in);
    heap_bytes_ += s.sum.heap_bytes() - before;
    if (in.ok() && !add_checked(s.count, count)) in.reject();
    return {};
  }
  std::string push_result(std::uint32_t slot, column& out) const override {
    const auto& s = slots_[slot];
    if (s.count <= 0)
      out.push_null();
    else
      out.push_double(mean_ ? mean_of(s.sum, s.count) : s.sum.rounded());
    return {};
  }
  std::size_t memory_bytes() const override { return slots_.capacity() * sizeof(accumulator) + heap_bytes_; }

 private:
  struct accumulator {
    exact_sum sum;
    std::int64_t count = 0;
  };
  bool mean_;
  std::size_t heap_bytes_ = 0;
  std::vector<accumulator> slots_;
};

// variance and stddev of samples.
class variance_array final : public accumulator_array {
 public:
  explicit variance_array(bool root) : root_(root) {}

  void resize(std::size_t count) override { slots_.resize(count); }
  void clear(std::uint32_t slot) override {
    slots_[slot].sum.clear();
    slots_[slot].squares.clear();
    slots_[slot].count = 0;
  }
  status add(const aggregate_rows& rows) override {
    if (rows.values->type() == data_type::double_precision)
      add_all(rows, rows.values->doubles());
    else
      add_all(rows, rows.values->ints());
    return {};
  }
  void serialize(std::uint32_t slot, std::string& out) const override {
    const auto& s = slots_[slot];
    put_zigzag(out, s.count);
    s.sum.serialize(out);
    s.squares.serialize(out);
  }
  status merge(std::uint32_t slot, byte_reader& in) override {
    auto& s = slots_[slot];
    const std::size_t before = s.heap_bytes();
    const std::int64_t count = in.zigzag();
    s.sum.merge_serialized(in);
    s.squares.merge_serialized(in);
    heap_bytes_ += s.heap_bytes() - before;
    if (in.ok() && !add_checked(s.count, count)) in.reject();
    return {};
  }
  std::string push_result(std::uint32_t slot, column& out) const override {
    const auto& s = slots_[slot];
    if (s.count < 2) {
      out.push_null();
      return {};
    }
    const double variance = variance_of(s.sum, s.squares, s.count);
    out.push_double(root_ ? std::sqrt(variance) : variance);
    return {};
  }
  std::size_t memory_bytes() const override { return slots_.capacity() * sizeof(accumulator) + heap_bytes_; }

 private:
  struct accumulator {
    exact_sum sum, squares;
    std::int64_t count = 0;
    std::size_t heap_bytes() const { return sum.heap_bytes() + squares.heap_bytes(); }
  };

  template <class T>
  void add_all(const aggregate_rows& rows, std::span<const T> values) {
    for_each_value(rows, [this, values](std::size_t row, std::uint32_t slot, int sign) {
      auto& s = slots_[slot];
      const std::size_t before = s.heap_bytes();
      s.sum.add(values[row], sign < 0);
      s.squares.add_square(values[row], sign < 0);
      s.count += sign;
      heap_bytes_ += s.heap_bytes() - before;
    });
  }

  bool root_;
  std::size_t heap_bytes_ = 0;
  std::vector<accumulator> slots_;
};

}  // namespace

void push_integer_mean(int128 sum, std::int64_t count, column& out) {
  if (out.type() == data_type::double_precision) {
    out.push_double(mean_of(sum, count));
    return;
  }
  // Half away from zero, as PostgreSQL rounds intervals.
  const int128 half = count / 2;
  out.push_int(static_cast<std::int64_t>((sum < 0 ? sum - half : sum + half) / count));
}

std::string push_integer_sum(int128 sum, column& out) {
  if (sum > std::numeric_limits<std::int64_t>::max() || sum < std::numeric_limits<std::int64_t>::min()) {
    out.push_null();
    return fmt::format("sum overflows {}: cast to double precision", to_string(out.type()));
  }
  out.push_int(static_cast<std::int64_t>(sum));
  return {};
}

bool can_subtract(const aggregate_call& call) {
  switch (call.kind) {
    case aggregate_kind::count_rows: return true;
    case aggregate_kind::count:
    case aggregate_kind::sum:
    case aggregate_kind::avg: return !call.distinct;
    case aggregate_kind::stddev:
    case aggregate_kind::variance: return true;
    case aggregate_kind::min:
    case aggregate_kind::max:
    case aggregate_kind::first:
    case aggregate_kind::last: return false;
  }
  return false;
}

std::unique_ptr<accumulator_array> make_accumulator_array(const aggregate_call& call, accumulator_context context) {
  const bool is_double = call.argument && call.argument->type() == data_type::double_precision;
  switch (call.kind) {
    case aggregate_kind::count_rows: return std::make_unique<count_array>();
    case aggregate_kind::count:
      if (call.distinct) return make_distinct_array(call, std::move(context));
      return std::make_unique<count_array>();
    case aggregate_kind::sum:
    case aggregate_kind::avg:
      if (call.distinct) return make_distinct_array(call, std::move(context));
      if (is_double) return std::make_unique<double_sum_array>(call.kind == aggregate_kind::avg);
      return std::make_unique<integer_sum_array>(call.kind == aggregate_kind::avg);
    case aggregate_kind::stddev:
    case aggregate_kind::variance: return std::make_unique<variance_array>(call.kind == aggregate_kind::stddev);
    case aggregate_kind::min:
    case aggregate_kind::max: return make_extreme_array(call);
    case aggregate_kind::first:
    case aggregate_kind::last: return make_edge_array(call);
  }
  return nullptr;
}

}  // namespace weir

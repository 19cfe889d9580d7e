// min and max. NaN is above every number and equal to itself, as in PostgreSQL; -0.0 and 0.0 are equal, and then the
// smaller one in the total order (-0.0) stands for min, the larger for max, so that the order of rows cannot matter.
#include <bit>
#include <cmath>
#include <limits>
#include <optional>

#include "runtime/operators/aggregate/accumulator_array.hpp"

namespace weir {

namespace {

status cannot_take_back(std::string_view what) {
  return fail(errc::unsupported, "{} cannot take a row back: it may not stand over an upsert view", what);
}

bool below(std::int64_t a, std::int64_t b) { return a < b; }
bool below(double a, double b) {
  if (a < b) return true;
  if (a > b || std::isnan(a)) return false;
  if (std::isnan(b)) return true;
  return std::signbit(a) && !std::signbit(b);
}

std::span<const std::int64_t> values_of(const column& c, std::int64_t) { return c.ints(); }
std::span<const double> values_of(const column& c, double) { return c.doubles(); }
std::int64_t canonical(std::int64_t v) { return v; }
double canonical(double v) { return std::isnan(v) ? std::numeric_limits<double>::quiet_NaN() : v; }
void put_extreme(std::string& out, std::int64_t v) { put_zigzag(out, v); }
void put_extreme(std::string& out, double v) { put_u64(out, std::bit_cast<std::uint64_t>(v)); }
void read_extreme(byte_reader& in, std::int64_t& v) { v = in.zigzag(); }
void read_extreme(byte_reader& in, double& v) { v = canonical(std::bit_cast<double>(in.u64())); }
void push_extreme(column& out, std::int64_t v) { out.push_int(v); }
void push_extreme(column& out, double v) { out.push_double(v); }

template <class T, bool is_max>
class extreme_array final : public accumulator_array {
 public:
  void resize(std::size_t count) override { slots_.resize(count); }
  void clear(std::uint32_t slot) override { slots_[slot] = {}; }
  status add(const aggregate_rows& rows) override {
    if (!rows.sign.empty()) return cannot_take_back(is_max ? "max" : "min");
    const auto values = values_of(*rows.values, T{});
    auto* const slots = slots_.data();
    if (!rows.values->has_nulls()) {
      for (std::size_t i = 0; i < values.size(); ++i) take(slots[rows.slots[i]], values[i]);
    } else {
      for (std::size_t i = 0; i < values.size(); ++i)
        if (!rows.values->is_null(i)) take(slots[rows.slots[i]], values[i]);
    }
    return {};
  }
  void serialize(std::uint32_t slot, std::string& out) const override {
    put_u8(out, slots_[slot].present ? 1 : 0);
    if (slots_[slot].present) put_extreme(out, slots_[slot].value);
  }
  status merge(std::uint32_t slot, byte_reader& in) override {
    const std::uint8_t present = in.u8();
    if (present > 1) in.reject();
    T v{};
    if (present == 1) read_extreme(in, v);
    if (in.ok() && present == 1) take(slots_[slot], v);
    return {};
  }
  std::string push_result(std::uint32_t slot, column& out) const override {
    if (slots_[slot].present)
      push_extreme(out, slots_[slot].value);
    else
      out.push_null();
    return {};
  }
  std::size_t memory_bytes() const override { return slots_.capacity() * sizeof(accumulator); }

 private:
  struct accumulator {
    T value{};
    bool present = false;
  };
  static void take(accumulator& s, T v) {
    if (s.present && !(is_max ? below(s.value, v) : below(v, s.value))) return;
    s.value = canonical(v);
    s.present = true;
  }
  std::vector<accumulator> slots_;
};

// Texts compare by their bytes.
class text_extreme_array final : public accumulator_array {
 public:
  explicit text_extreme_array(bool is_max) : is_max_(is_max) {}

  void resize(std::size_t count) override { slots_.resize(count); }
  void clear(std::uint32_t slot) override {
    if (slots_[slot]) heap_bytes_ -= slots_[slot]->size();
    slots_[slot].reset();
  }
  status add(const aggregate_rows& rows) override {
    if (!rows.sign.empty()) return cannot_take_back(is_max_ ? "max" : "min");
    for (std::size_t i = 0; i < rows.slots.size(); ++i)
      if (!rows.values->is_null(i)) take(rows.slots[i], rows.values->text(i));
    return {};
  }
  void serialize(std::uint32_t slot, std::string& out) const override {
    put_u8(out, slots_[slot] ? 1 : 0);
    if (slots_[slot]) put_bytes(out, *slots_[slot]);
  }
  status merge(std::uint32_t slot, byte_reader& in) override {
    const std::uint8_t present = in.u8();
    if (present > 1) in.reject();
    const auto v = present == 1 ? in.bytes() : std::string_view{};
    if (in.ok() && present == 1) take(slot, v);
    return {};
  }
  std::string push_result(std::uint32_t slot, column& out) const override {
    if (slots_[slot])
      out.push_text(*slots_[slot]);
    else
      out.push_null();
    return {};
  }
  std::size_t memory_bytes() const override {
    return slots_.capacity() * sizeof(std::optional<std::string>) + heap_bytes_;
  }

 private:
  void take(std::uint32_t slot, std::string_view v) {
    auto& s = slots_[slot];
    if (s && !(is_max_ ? *s < v : v < *s)) return;
    heap_bytes_ += v.size() - (s ? s->size() : 0);
    if (s)
      s->assign(v);
    else
      s.emplace(v);
  }
  bool is_max_;
  std::size_t heap_bytes_ = 0;
  std::vector<std::optional<std::string>> slots_;
};

template <class T>
std::unique_ptr<accumulator_array> make_typed(bool is_max) {
  if (is_max) return std::make_unique<extreme_array<T, true>>();
  return std::make_unique<extreme_array<T, false>>();
}

}  // namespace

std::unique_ptr<accumulator_array> make_extreme_array(const aggregate_call& call) {
  const bool is_max = call.kind == aggregate_kind::max;
  const auto type = call.argument->type();
  if (is_text_like(type)) return std::make_unique<text_extreme_array>(is_max);
  if (type == data_type::double_precision) return make_typed<double>(is_max);
  return make_typed<std::int64_t>(is_max);
}

}  // namespace weir

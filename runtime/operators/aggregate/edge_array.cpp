// first and last: the value that is not null with the smallest or largest (event time, source, sequence).
#include <optional>
#include <tuple>

#include "runtime/operators/aggregate/accumulator_array.hpp"
#include "runtime/operators/value_codec.hpp"

namespace weir {

namespace {

class edge_array final : public accumulator_array {
 public:
  edge_array(bool is_last, data_type type) : is_last_(is_last), type_(type) {}

  void resize(std::size_t count) override { slots_.resize(count); }
  void clear(std::uint32_t slot) override {
    if (slots_[slot]) heap_bytes_ -= slots_[slot]->heap_bytes();
    slots_[slot].reset();
  }
  status add(const aggregate_rows& rows) override {
    if (!rows.sign.empty())
      return fail(errc::unsupported, "{} cannot take a row back: it may not stand over an upsert view",
                  is_last_ ? "last" : "first");
    for (std::size_t i = 0; i < rows.slots.size(); ++i) {
      if (rows.values->is_null(i)) continue;
      auto& s = slots_[rows.slots[i]];
      const std::int64_t t = rows.event_time_us[i];
      if (s && (is_last_ ? t < s->event_time_us : t > s->event_time_us)) continue;
      edge found{t, (*rows.sources)[rows.source[i]], rows.sequence[i], {}};
      put_value(found.value, *rows.values, i);
      take(s, std::move(found));
    }
    return {};
  }
  void serialize(std::uint32_t slot, std::string& out) const override {
    const auto& s = slots_[slot];
    put_u8(out, s ? 1 : 0);
    if (!s) return;
    put_i64(out, s->event_time_us);
    put_bytes(out, s->source);
    put_u64(out, s->sequence);
    out.append(s->value);
  }
  status merge(std::uint32_t slot, byte_reader& in) override {
    const std::uint8_t present = in.u8();
    if (present > 1) in.reject();
    if (present != 1) return {};
    edge found;
    found.event_time_us = in.i64();
    found.source = in.bytes();
    found.sequence = in.u64();
    const auto before = in.rest();
    column value(type_);
    read_value(in, value);
    if (in.ok() && value.is_null(0)) in.reject();
    if (!in.ok()) return {};
    found.value = before.substr(0, before.size() - in.remaining());
    take(slots_[slot], std::move(found));
    return {};
  }
  std::string push_result(std::uint32_t slot, column& out) const override {
    if (!slots_[slot]) {
      out.push_null();
      return {};
    }
    byte_reader in(slots_[slot]->value);
    read_value(in, out);
    return {};
  }
  std::size_t memory_bytes() const override { return slots_.capacity() * sizeof(std::optional<edge>) + heap_bytes_; }

 private:
  struct edge {
    std::int64_t event_time_us = 0;
    std::string source;
    std::uint64_t sequence = 0;
    std::string value;  // of value_codec.hpp

    auto order() const { return std::tie(event_time_us, source, sequence, value); }
    std::size_t heap_bytes() const { return source.size() + value.size(); }
  };
  void take(std::optional<edge>& s, edge found) {
    if (s && (is_last_ ? found.order() <= s->order() : found.order() >= s->order())) return;
    heap_bytes_ += found.heap_bytes() - (s ? s->heap_bytes() : 0);
    s = std::move(found);
  }

  bool is_last_;
  data_type type_;
  std::size_t heap_bytes_ = 0;
  std::vector<std::optional<edge>> slots_;
};

}  // namespace

std::unique_ptr<accumulator_array> make_edge_array(const aggregate_call& call) {
  return std::make_unique<edge_array>(call.kind == aggregate_kind::last, call.argument->type());
}

}  // namespace weir

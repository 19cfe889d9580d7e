// The accumulators of one aggregate call, one slot per group: rows go in by (slot per row) arrays, so an aggregate is
// one tight loop over a batch. Accumulators are commutative and associative (PROTOCOL 17), and their bytes are
// canonical.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "runtime/operators/aggregate/int128.hpp"
#include "runtime/operators/byte_codec.hpp"
#include "runtime/operators/stamped_batch.hpp"
#include "runtime/result.hpp"
#include "runtime/sql/plan.hpp"

namespace weir {

struct aggregate_rows {
  std::span<const std::uint32_t> slots;         // of each row
  const column* values = nullptr;               // none for count(*)
  std::span<const std::int8_t> sign;            // empty: all +1; -1 takes a row back
  std::span<const std::int64_t> event_time_us;  // these three for first and last
  std::span<const std::uint32_t> source;
  std::span<const std::uint64_t> sequence;
  const std::vector<std::string>* sources = nullptr;
};

class accumulator_array {
 public:
  virtual ~accumulator_array() = default;
  // Makes slots up to `count` usable; new ones are empty.
  virtual void resize(std::size_t count) = 0;
  virtual void clear(std::uint32_t slot) = 0;
  // errc::limit_exceeded (DISTINCT), errc::unsupported (a row taken back from an aggregate that cannot).
  virtual status add(const aggregate_rows& rows) = 0;
  virtual void serialize(std::uint32_t slot, std::string& out) const = 0;
  // Merges what serialize wrote into the slot. Bytes that cannot be make the reader fail.
  virtual status merge(std::uint32_t slot, byte_reader& in) = 0;
  // Appends the slot's answer; when there is none, a null, and returns why (else an empty text).
  virtual std::string push_result(std::uint32_t slot, column& out) const = 0;
  virtual std::size_t memory_bytes() const = 0;
};

struct accumulator_context {
  std::size_t distinct_values = 0;                       // per slot
  std::function<std::string(std::uint32_t)> group_name;  // of a slot, for errors
};

// True when the aggregate can take rows back, so it may stand over an upsert view.
bool can_subtract(const aggregate_call& call);
std::unique_ptr<accumulator_array> make_accumulator_array(const aggregate_call& call, accumulator_context context);

// For make_accumulator_array: the kinds that have a file of their own.
std::unique_ptr<accumulator_array> make_extreme_array(const aggregate_call& call);
std::unique_ptr<accumulator_array> make_edge_array(const aggregate_call& call);
std::unique_ptr<accumulator_array> make_distinct_array(const aggregate_call& call, accumulator_context context);
// An average of integers in the type of the result: double precision, or a rounded whole number (interval).
void push_integer_mean(int128 sum, std::int64_t count, column& out);
// A sum of integers: null and the reason when it does not fit.
std::string push_integer_sum(int128 sum, column& out);

}  // namespace weir

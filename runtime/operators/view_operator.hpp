// The running form of a view_plan in one shard: takes rows and time, gives rows, late rows and state changes.
//
//   stateless   filter, project                                    make_view_operator, one per task
//   local       windows that close on their own source: group, close, project in the shard that has the source
//   shuffled    partial_operator (where the rows are) -> entries of a shuffle topic -> merging operator (owner of the
//   key)
//
// Operators read no wall clock and no random numbers: the same rows, progress and cuts give the same answers, and their
// final rows do not depend on how rows were cut into batches or on where epochs were cut. They are used by one thread
// at a time. State is in memory; `cut` hands out what changed since the last cut, `restore` takes it back. One that
// only follows what another hands out has each changed entry forgotten, then restored where it has a value. An operator
// that has returned an error is not used again. Outputs are appended to what `out` already holds.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/operators/stamped_batch.hpp"
#include "runtime/result.hpp"
#include "runtime/sql/plan.hpp"

namespace weir {

// A row that a view does not take: late for it, or one that an expression failed on.
struct refused_row {
  std::string reason;    // "late: event time ... is behind the watermark ..." or the expression's error
  std::string original;  // the record's bytes; for rows of views their JSON
  std::string source;
  std::uint64_t sequence = 0;
  std::int64_t event_time_us = 0;
};

struct operator_output {
  stamped_batch rows;             // in output_columns; empty when nothing came out
  std::vector<std::string> keys;  // encoded key per row (runtime/batch/key_codec.hpp); empty for views without a key
  std::vector<refused_row> late;
  std::vector<refused_row> dead;
  // So many of the first rows and refusals have been told before (merging_operator::told_until).
  std::size_t told_rows = 0, told_dead = 0;
};

struct state_change {
  std::string key;
  std::optional<std::string> value;  // none: deleted
};

// A partial aggregate on its way to the shard that owns its group.
struct shuffle_entry {
  int partition = 0;
  std::string value;
};

class view_operator {
 public:
  virtual ~view_operator() = default;
  // Rows of the plan's input, in input_columns. Errors are defects or limits (errc::limit_exceeded): the pipeline
  // stops.
  virtual status process(const stamped_batch& input, operator_output& out) = 0;
  // Time has come so far: closes windows. Called after the rows that the progress covers.
  virtual status advance(const time_progress& progress, operator_output& out) = 0;
  // The epoch ends: emits what emit = 'changes' owes for it, and hands out every state change since the last cut.
  virtual status cut(operator_output& out, std::vector<state_change>& changes) = 0;
  // Called for every stored state entry before the first row.
  virtual status restore(std::string_view key, std::string_view value) = 0;
  // Takes away what restore() made of this entry, if anything. Clocks stay: they only go on.
  virtual void forget(std::string_view key) = 0;
  // Of emit = 'changes': the row that stands for each group, once more. Else nothing.
  virtual void restate(operator_output& /*out*/) const {}
  virtual std::size_t memory_bytes() const = 0;
  virtual std::size_t group_count() const { return 0; }
};

// Takes what partial operators sent; rows come out where the group lives.
class merging_operator : public view_operator {
 public:
  // One shuffle entry. A partial for a closed window is a defect: errc::internal (PROTOCOL 14).
  virtual status merge(std::string_view partial, operator_output& out) = 0;
  // A predecessor told every window that this clock closes: rows of such windows come first and are counted in
  // operator_output (PROTOCOL 10).
  virtual void told_until(const clock_state& clock) = 0;
};

// Groups rows within one epoch and sends the partial groups to their owners; keeps no state of its own beyond the epoch
// but the flush horizon (which is in its input's progress).
class partial_operator {
 public:
  virtual ~partial_operator() = default;
  virtual status process(const stamped_batch& input, operator_output& out) = 0;  // out: only late and dead
  virtual status advance(const time_progress& progress) = 0;
  // All groups of the epoch, encoded, in a canonical order; empties the operator.
  virtual status cut(std::vector<shuffle_entry>& out) = 0;
  virtual std::size_t memory_bytes() const = 0;
};

struct operator_limits {
  std::size_t state_bytes = std::size_t{1} << 30;  // per operator; beyond it the pipeline stops and says so
  std::size_t groups = 10'000'000;
  std::size_t distinct_values = 1'000'000;  // per group and DISTINCT aggregate
};

// True when the plan groups by something else than its source, so its groups live where their key hashes to.
bool needs_shuffle(const view_plan& plan);

// Stateless and local plans.
std::unique_ptr<view_operator> make_view_operator(const view_plan& plan, const operator_limits& limits);
// Plans that need a shuffle: both halves. `partitions`: of the shuffle topic.
std::unique_ptr<partial_operator> make_partial_operator(const view_plan& plan, int partitions,
                                                        const operator_limits& limits);
std::unique_ptr<merging_operator> make_merging_operator(const view_plan& plan, const operator_limits& limits);

}  // namespace weir

// The simulated log: in memory, deterministic, without threads, with faults on order. It stands for the world outside a
// simulated node, so it outlives node kills: a node that comes back opens its writers again, and that fences.
#pragma once

#include <functional>
#include <memory>

#include "runtime/log/log.hpp"

namespace weir {

struct sim_store;

// What becomes of one commit.
enum class sim_outcome : std::uint8_t {
  applied,      // stands, and its writer is told so
  lost_reply,   // stands, but its writer learns unknown_outcome
  timed_out,    // does not stand, and its writer learns unknown_outcome
  fenced,       // does not stand; its writer learns fenced, though nobody opened the id
  rejected,     // does not stand
  no_space,     // does not stand
  unavailable,  // does not stand
};

// Probabilities per call, drawn in the order of calls from one generator.
struct sim_faults {
  std::uint64_t seed = 1;
  double lost_reply = 0;
  double timed_out = 0;
  double fenced = 0;
  double rejected = 0;
  double no_space = 0;
  double unavailable = 0;  // of commits, and of bounds(), read() and open_writer(), which answer nothing else
  double read_error = 0;   // fetch() answers unavailable and stays where it is
  double short_read = 0;   // fetch() answers one entry
  double late = 0;         // readers see a commit only some fetches later; at once when its writer's id is opened
  // Decides instead of the probabilities of commits.
  std::function<sim_outcome(std::string_view writer_id, std::span<const log_append> batch)> on_commit;
  // True: this fetch answers unavailable.
  std::function<bool(std::string_view topic, int partition, std::int64_t position)> on_fetch;
};

struct sim_log_options {
  std::size_t max_entry_bytes = (1U << 20) + (64U << 10);
  std::int64_t reserve_offsets = 1000;  // how far lose_tail() jumps at most
  sim_faults faults;
};

class sim_log final : public event_log {
 public:
  // The most commits that lose_tail() can take back.
  static constexpr std::uint64_t max_lost_commits = 4096;

  explicit sim_log(sim_log_options options = {});

  status create_topic(const topic_config& config) override;
  status drop_topic(std::string_view name) override;
  result<std::vector<topic_config>> topics() override;
  result<log_bounds> bounds(std::string_view topic, int partition) override;
  result<std::int64_t> begin_of(std::string_view topic, int partition, std::int64_t offset) override;
  result<std::unique_ptr<log_reader>> read(std::string_view topic, int partition, std::int64_t from) override;
  result<std::unique_ptr<log_writer>> open_writer(std::string_view id) override;
  std::size_t max_entry_bytes() const override;

  // From the next call on; the generator starts again from the seed.
  void set_faults(sim_faults faults);
  // Removes every entry of a compacted topic that a later one of its key has replaced; with drop_tombstones also the
  // tombstones, as 24 hours would.
  status compact(std::string_view topic, bool drop_tombstones = false);
  // Retention: the partition of an append topic now starts at new_start.
  status truncate(std::string_view topic, int partition, std::int64_t new_start);
  // A power failure: the last commits of all writers are gone, every partition goes on at its reserved bound, and every
  // writer is dead.
  status lose_tail(std::uint64_t commits);
  // Every entry that stands, whether readers see it yet or not.
  result<std::vector<log_entry>> dump(std::string_view topic, int partition);
  // How many commits were applied since the log was made.
  std::uint64_t commits() const;

 private:
  std::shared_ptr<sim_store> store_;
};

}  // namespace weir

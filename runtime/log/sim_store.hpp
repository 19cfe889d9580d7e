// The state of the simulated log. Everything here is called with its mutex held.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <random>

#include "runtime/log/offset_jumps.hpp"
#include "runtime/log/sim_log.hpp"

namespace weir {

struct sim_entry {
  log_entry entry;
  std::uint64_t commit = 0;
  // Compaction took it, because this commit replaced it. It is kept for a lose_tail() that takes that commit back.
  std::optional<std::uint64_t> replaced_by;
};

struct sim_partition {
  std::deque<sim_entry> entries;
  std::int64_t start = 0;
  std::int64_t visible = 0;  // readers see what lies below
  std::int64_t next = 0;
  std::int64_t reserved = 0;
  std::int64_t horizon = 0;  // tombstones below may be gone
  int fetches_until_visible = 0;
  offset_jumps jumps;

  // The first entry at or above `offset`.
  std::deque<sim_entry>::iterator at(std::int64_t offset);
};

struct sim_topic {
  topic_config config;
  std::vector<sim_partition> partitions;
  bool dropped = false;
};

struct sim_writer_state {
  std::uint64_t epoch = 0;
  std::vector<std::pair<std::shared_ptr<sim_topic>, int>> unseen;  // partitions of its late commits
};

struct sim_store {
  explicit sim_store(sim_log_options given);

  result<std::shared_ptr<sim_topic>> find(std::string_view topic, int partition);
  sim_outcome draw_outcome(std::string_view writer_id, std::span<const log_append> batch);
  bool draw(double probability);
  // errc::unavailable when a call gets no answer.
  status answers();
  status check(std::span<const log_append> batch) const;
  std::vector<std::int64_t> apply(sim_writer_state& writer, std::span<const log_append> batch);
  void show(sim_writer_state& writer);
  void compact(sim_partition& partition, bool drop_tombstones);
  void lose(sim_partition& partition, std::uint64_t last_kept_commit);

  std::mutex mutex;
  sim_log_options options;
  std::mt19937_64 random;
  std::map<std::string, std::shared_ptr<sim_topic>, std::less<>> topics;
  std::map<std::string, sim_writer_state, std::less<>> writers;
  std::uint64_t last_commit = 0;
};

}  // namespace weir

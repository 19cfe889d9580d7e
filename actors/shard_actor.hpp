// The actor around one shard: turns messages and finished jobs into its events, and its runnable jobs into work for the
// pool. It holds no decision of its own.
//
// Lifecycle: started by the shards' supervisor; when the shard fails (its writer or its ingest) the actor ends with an
// error and is started again after the back-off, over the same shard_cell. Jobs of the earlier run may still be out:
// the shard waits for those that write before it opens again.
#pragma once

#include <atomic>
#include <mutex>

#include "actors/messages.hpp"
#include "actors/worker_pool.hpp"

namespace weir {

// What outlives the actor: the shard, and the jobs that came back while nobody listened.
class shard_cell {
 public:
  std::unique_ptr<shard> core;

  void job_finished(std::uint64_t id) { note(finished_, id); }
  void job_hangs(std::uint64_t id) { note(hung_, id); }
  void listen(caf::actor_addr who);
  std::vector<std::uint64_t> take_finished() { return take(finished_); }
  std::vector<std::uint64_t> take_hung() { return take(hung_); }
  // Who may run the shard. An actor begins only where claim() answers yes; once retired, and when the last one has
  // ended and its last job that writes RocksDB too, the cell is free: a standby may write there.
  bool claim();
  void give_back();
  void retire(bool retired);
  bool is_free() const;
  std::atomic<int> writing = 0;          // jobs that open the shard or commit, of any incarnation
  std::atomic<bool> asks_first = false;  // the shard was opened before by this owner: ownership is in doubt
  // Why the shard failed; set by its listener, read by the actor after each event.
  std::optional<error> failure;

 private:
  void note(std::vector<std::uint64_t>& list, std::uint64_t id);
  std::vector<std::uint64_t> take(std::vector<std::uint64_t>& list);

  mutable std::mutex mutex_;
  int claims_ = 0;
  bool retired_ = false;
  std::vector<std::uint64_t> finished_, hung_;
  caf::actor_addr listener_;
};

struct shard_pools {
  worker_pool* work = nullptr;
  worker_pool* log = nullptr;  // for what waits for the log: openings and commits
};

struct shard_actor_state {
  std::shared_ptr<shard_cell> cell;
  shard_pools pools;
  std::int64_t (*now_us)() = nullptr;
  std::optional<std::int64_t> timer_at;
  static inline const char* name = "shard";
};

shard_actor::behavior_type shard_behavior(shard_actor::stateful_pointer<shard_actor_state> self,
                                          std::shared_ptr<shard_cell> cell, shard_pools pools, plan_ptr plan,
                                          std::int64_t (*now_us)());

}  // namespace weir

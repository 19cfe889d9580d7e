// What a node does with the shards that another one owns: it keeps its own RocksDB near the end of their changelogs and
// views, and their tasks' state in memory, so that a takeover has little left to read (DESIGN §5).
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "actors/node.hpp"
#include "actors/shard/shard_tail.hpp"

namespace weir {

class standby {
 public:
  // A cell that still has an actor or writes is waited for. `plan`: the present one, from any thread.
  standby(std::vector<std::shared_ptr<shard_cell>> cells, std::function<plan_ptr()> plan);
  ~standby();
  // Ends after the fetch that is under way. Each shard that is free goes on from where it was followed.
  void hand_over();

  std::vector<standby_shard> shards() const;

 private:
  void end();
  void run();
  bool pass(std::size_t shard, const control_plan& plan);

  std::vector<std::shared_ptr<shard_cell>> cells_;
  std::vector<std::unique_ptr<shard_tail>> tails_;
  std::function<plan_ptr()> plan_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<bool> ending_ = false;
  std::vector<standby_shard> shards_;
  std::thread thread_;
};

}  // namespace weir

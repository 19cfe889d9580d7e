// What a node holds of its actors; for node*.cpp only.
#pragma once

#include <atomic>
#include <condition_variable>
#include <thread>

#include "actors/cluster_member.hpp"
#include "actors/node.hpp"
#include "actors/position_mirror.hpp"
#include "actors/standby.hpp"
#include "cluster/stream_clock.hpp"

namespace weir {

struct actor_config : caf::actor_system_config {
  actor_config();
};

struct node::actors {
  actor_config settings;
  caf::actor_system system{settings};
  supervisor_actor root, sources;
  std::vector<std::shared_ptr<shard_cell>> cells;

  mutable std::mutex mutex;  // of the handles and snapshots below
  control_actor control;
  std::vector<shard_actor> shards;  // the running incarnation of each
  std::vector<shard_snapshot> snapshots;

  std::unique_ptr<standby> tails;  // of a standby; guarded by `mutex` too

  std::mutex sources_mutex;
  std::map<std::string, std::uint64_t> running_sources;  // name -> incarnation of the child
  std::map<std::string, caf::actor_addr> source_actors;  // of the children

  std::shared_ptr<std::atomic<bool>> alive = std::make_shared<std::atomic<bool>>(true);
  std::mutex watch_mutex;
  std::condition_variable watch_changed;
  bool ending = false;
  std::thread watcher;
  std::mutex topics_mutex;  // topics are made for a plan, and dropped as no plan's, one at a time
  std::atomic<std::int64_t> last_plan_us{0};
  std::atomic<bool> dropping_orphans = false;
  plan_ptr orphans_of;  // the plan for which orphaned topics are gone

  std::atomic<bool> mirroring = false;
  std::int64_t mirrored_at_us = 0;  // of the watcher's thread
  int mirror_failures = 0;          // in a row; of the round under way

  // Both null once the node stops.
  std::pair<supervisor_actor, supervisor_actor> supervisors() const {
    std::lock_guard lock(mutex);
    return {root, sources};
  }
  void release();  // lets go of every handle: the system waits for actors that are still referred to
};

// What shards tell: to the hub, to other shards, to the control log.
class node::events : public shard_listener {
 public:
  explicit events(node& n) : node_(n) {}

  void shard_running(int shard) override;
  void shard_failed(int shard, const error& why) override;
  void shard_held(int shard, const error& why, bool opens_again) override;
  void pipeline_restarted(int shard, std::string_view pipeline, const error& why) override;
  void pipeline_quarantined(int shard, std::string_view pipeline, const error& why) override;
  void topic_committed(int shard, std::string_view topic, int partition, std::int64_t end, bool rows) override;
  void clock_changed(int shard, std::string_view stream, const shard_clock& clock) override;

  // The shards run elsewhere from now on.
  void forget_clocks();

 private:
  shard_actor at(int shard);

  node& node_;
  std::mutex clocks_mutex_;
  std::map<std::string, stream_clock, std::less<>> clocks_;
};

// A topic of a view that no pipeline of the plan has. While a pipeline of the plan cannot be planned, nobody knows its
// views, and nothing is an orphan.
bool is_orphan(std::string_view topic, std::string_view app, const control_plan& plan);
status drop_orphaned_topics(event_log& log, live_hub& hub, std::string_view app, const control_plan& plan);

}  // namespace weir

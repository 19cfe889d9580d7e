// One weir node: log, state, control log, the tree of actors over them, and their orderly start and end.
//
//   node supervisor (one for one)
//   ├── control          one writer of the control log; tells everyone of a new state
//   ├── shard 0 .. n-1   each around its shard_cell; a failure reopens the shard after a back-off; only on the owner
//   └── sources          a supervisor of its own, one child per running source; never escalates
//
// Nodes that share a log (Kafka) share the deployment: one owns the shards, the others stand by (node_cluster.cpp).
//
// start() returns when the actors run; shards open in the background (ready() tells). stop() drains: sources end,
// accepted records commit, then everything stops, within shutdown_timeout.
#pragma once

#include <atomic>
#include <memory>

#include "actors/live_hub.hpp"
#include "actors/messages.hpp"
#include "actors/shard_actor.hpp"
#include "actors/source_board.hpp"
#include "actors/worker_pool.hpp"
#include "cluster/control_log.hpp"
#include "runtime/config/config.hpp"
#include "runtime/metrics/registry.hpp"

namespace weir {

class cluster_member;
class io_thread;
class kafka_clients;
class position_mirror;
class schema_registry;

// How a shard has been doing, for liveness and people.
struct shard_health {
  bool running = false;
  std::uint64_t failures = 0;
  std::string last_error;
};

// How a standby's copy of a shard has been doing.
struct standby_shard {
  bool follows = false;        // it has been at the end once
  std::size_t in_memory = 0;   // pipelines whose state is there too
  std::int64_t at_end_us = 0;  // wall clock: when the pass began that last reached the end
  std::string problem;         // of the last pass; empty: none
};

class node {
 public:
  static result<std::unique_ptr<node>> start(config c);
  ~node();
  node(const node&) = delete;
  node& operator=(const node&) = delete;

  // Ends as described above; false when it had to leave something behind. Safe to call twice.
  bool stop();

  // Checks and appends a command; `done` is called when the fold has applied it and everyone was told, or with the
  // reason why not. Any thread.
  void command(std::function<result<std::vector<control_record>>(const control_plan&)> check,
               std::function<void(status)> done);

  plan_ptr plan() const { return plan_.load(); }
  const config& settings() const { return config_; }
  event_log& log() { return *log_; }
  state_store& store() { return *store_; }
  live_hub& hub() { return hub_; }
  const schema_registry& registry() const { return *registry_; }
  const source_board& sources() const { return board_; }
  metrics_registry& metrics() { return metrics_; }
  // Of all threads that take jobs.
  pool_status pool() const;
  std::int64_t started_us() const { return started_us_; }
  connector_context context_of(std::string_view stream) const;

  // What the shards last said of themselves (asked a few times a second; older than `age_us` when they hang).
  struct shard_snapshot {
    shard_report report;
    shard_health health;
    std::int64_t taken_us = 0;
  };
  std::vector<shard_snapshot> shards() const;
  // Work that reads or computes for longer than a caller may block.
  void run_on_pool(pool_job job) { pool_->post(std::move(job)); }
  // What people see of a source that has no actor of its own.
  template <class F>
  void note_source(const std::string& source, F change) {
    board_.update_known(source, std::move(change));
  }
  // The running incarnation of the shard that owns a source; none while it restarts or the node stops.
  shard_actor shard_of(std::string_view source) const;
  caf::actor_system& system();
  // False once the node's supervisor has given up: the process should end and be started anew.
  bool alive() const;

  // Tells the other nodes where this one's gateway is; nothing to do where there can be none.
  void announce(const std::string& url);
  // How this node stands among those that share its deployment.
  struct cluster_view {
    bool shared = false;  // there may be others
    bool owner = true;
    bool lease_is_sure = true;
    std::string name, owner_name, owner_url;  // the owner's are empty where nobody owns the shards
    std::uint64_t incarnation = 0;
    std::vector<standby_shard> standby;  // of a standby, by shard
  };
  cluster_view cluster() const;
  bool owns_shards() const { return owner_; }
  // Whether this node may answer reads of the shards and take records; else why not, and who may.
  status may_serve() const;

 private:
  class events;
  struct actors;
  explicit node(config c);
  status open();
  status apply_configured();
  void spawn_actors();
  void make_cells();
  void watch();
  void ask_shards();
  bool drain_shards();
  status publish(const plan_ptr& plan);
  void follow_sources(const control_plan& plan);
  worker_pool& log_pool() { return log_pool_ ? *log_pool_ : *pool_; }
  void drop_orphans();
  void mirror_positions();
  // --- the other nodes (node_cluster.cpp) ---
  status join();
  status settle();
  status append_join();
  status check_deployment() const;
  std::chrono::milliseconds follow_cluster();
  void follow_role();
  void take_over();
  status make_missing_topics(const control_plan& plan);
  void let_go();
  void start_standby();
  void hear_members();
  status confirm_shard(int shard);
  void leave(bool clean);
  child_spec shard_child(int shard);
  child_spec source_child(const source_record& record);
  child_spec topic_child(const source_record& record);

  config config_;
  std::int64_t started_us_ = 0;
  metrics_registry metrics_;
  live_hub hub_;
  source_board board_;
  std::unique_ptr<event_log> log_;
  std::unique_ptr<state_store> store_;
  std::unique_ptr<control_log> control_;
  std::unique_ptr<position_mirror> mirror_;  // of positions, for Kafka's tools; none: nobody sees them there
  std::atomic<plan_ptr> plan_;
  std::unique_ptr<worker_pool> pool_;
  std::unique_ptr<worker_pool> log_pool_;  // where the log is brokers that must be waited for
  std::atomic<bool> owner_{true};
  std::shared_ptr<io_thread> network_;  // of connectors
  std::shared_ptr<kafka_clients> kafka_;
  std::shared_ptr<schema_registry> registry_;
  std::unique_ptr<cluster_member> member_;  // none where the log is this node's alone
  std::string url_;                         // of the gateway; written and read by the control actor
  std::unique_ptr<events> events_;
  std::unique_ptr<actors> actors_;
  std::atomic<bool> stopped_ = false;
};

// What commands refuse to go beyond, from [limits].
control_limits control_limits_of(const config& c);

// Wall clock, microseconds since 1970.
std::int64_t wall_clock_us();

}  // namespace weir

// A node without threads: all shards of a deployment on one log, sources that replay given records, and a seed that
// decides which of the runnable things happens next. Time is virtual. A kill hook that throws simulated_kill ends the
// node wherever it stands; another sim_node on the same log and folder is its next start.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "actors/shard/shard.hpp"
#include "actors/shard/shard_tail.hpp"
#include "actors/shard/shard_writer.hpp"
#include "cluster/control_log.hpp"

namespace weir {

// Not derived from std::exception: nothing in the engine catches it.
struct simulated_kill {
  std::string point;
};

// What an instrument sends, in order. Records are handed out in chunks of random size; the position is the index.
struct scripted_source {
  std::string name, stream;
  std::vector<std::string> records;
  std::string format, context;
  bool ends = true;
};

struct sim_node_options {
  int shards = 1;
  std::uint64_t seed = 1;
  std::size_t chunk_records = 7;   // at most, per chunk
  bool replace_pipelines = false;  // those that stand with another SQL
  int shards_per_writer = 1;
  bool one_turn = true;            // shards try suspects one at a time; false: each shard for itself
  shard_options shard;             // commit intervals and limits; shard and shards are set here
};

// A node that stands by, without threads: a store of its own, and what follows each shard.
class sim_standby {
 public:
  sim_standby(event_log& log, const std::string& folder, const sim_node_options& options);
  // One look at each shard; what fails now is tried at the next.
  void follow(const control_plan& plan);
  std::size_t tasks_in_memory() const;

 private:
  friend class sim_node;
  std::unique_ptr<state_store> store_;
  std::vector<std::unique_ptr<shard_tail>> tails_;
};

class sim_node : public shard_listener {
 public:
  // sql: pipelines by name, applied before the first record; sources open together.
  sim_node(event_log& log, const std::string& folder, sim_node_options options,
           const std::map<std::string, std::string>& pipelines, std::vector<scripted_source> sources);
  // The standby takes over from a node that died.
  sim_node(event_log& log, std::unique_ptr<sim_standby> was, sim_node_options options,
           const std::map<std::string, std::string>& pipelines, std::vector<scripted_source> sources);
  ~sim_node() override;

  // Done between steps, now and then.
  void set_beside(std::function<void()> what) { beside_ = std::move(what); }

  // Runs until every source has ended or delivered all, all is committed and nothing moves for a second of virtual
  // time; false: it did not come to rest in `steps`.
  bool run_to_rest(std::size_t steps = 2'000'000);
  // One random thing; false when there was nothing to do but let time pass.
  bool step();
  void pass_time(std::int64_t us);

  shard& at(int i) { return *shards_[static_cast<std::size_t>(i)]; }
  control_log& control() { return *control_; }
  std::int64_t now_us() const { return now_us_; }
  // Shards, pipelines and sources as they are, for a failing test's message.
  std::string describe();
  void hand_new_plan();  // after a command on control()
  void replace_pipeline(const std::string& name, const std::string& sql, bool from_beginning = true);
  // The next job of this kind and pipeline is taken but never finished; answers its id once it happened.
  void hang_next(job_kind kind, std::string pipeline);
  std::optional<std::uint64_t> hanging_job() const { return hanging_; }
  // The job whose run() threw is one that never comes back: its shard hears of it.
  void give_up_running();
  // Lets the job that hung run after all and report.
  void wake_hanging();
  void hold_source(const std::string& name, bool held);
  void mark_clean() { static_cast<void>(store_->mark_clean()); }
  state_store& store() { return *store_; }

  std::vector<std::string> restarted, quarantined, failed_shards;  // pipeline or shard: why

 private:
  void start(const std::map<std::string, std::string>& pipelines, std::vector<scripted_source> sources,
             sim_standby* was);
  void shard_running(int shard) override;
  void shard_failed(int shard, const error& why) override;
  void shard_held(int shard, const error& why, bool opens_again) override;
  void pipeline_restarted(int shard, std::string_view pipeline, const error& why) override;
  void pipeline_quarantined(int shard, std::string_view pipeline, const error& why) override;
  void topic_committed(int shard, std::string_view topic, int partition, std::int64_t end, bool rows) override;
  void clock_changed(int shard, std::string_view stream, const shard_clock& clock) override;

  struct source_run {
    scripted_source script;
    int shard = 0;
    std::optional<source_attachment> attached;
    std::size_t next = 0;
    bool waiting = false, done = false, held = false;
  };
  bool feed(source_run& s);
  void collect_jobs();
  void finish_or_run(std::size_t which);
  std::size_t pick(std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_); }
  bool quiet() const;

  struct job_at {
    int shard;
    shard_job job;
    bool ran = false, running = false;
  };

  sim_node_options options_;
  event_log& log_;
  std::unique_ptr<state_store> store_;
  std::unique_ptr<control_log> control_;
  std::vector<std::unique_ptr<shard>> shards_;
  std::map<std::string, stream_clock, std::less<>> clocks_;
  std::vector<source_run> sources_;
  std::vector<job_at> jobs_;
  std::optional<std::pair<job_kind, std::string>> hang_;
  std::optional<std::uint64_t> hanging_;
  std::optional<job_at> hung_job_;
  std::vector<std::pair<int, std::int64_t>> restarts_due_;  // shard, when
  std::function<void()> beside_;
  std::mt19937_64 random_;
  std::int64_t now_us_ = 1'700'000'000'000'000;
};

// Everything a view's topic says in the end: the rows of an append view, the last row per key of an upsert view; as
// JSON texts, sorted, so that two runs can be compared bit for bit (PROTOCOL 16).
std::vector<std::string> final_rows(event_log& log, const std::string& app, const view_plan& view, int shards);
// Every entry's value of a topic's partition, in order.
std::vector<std::string> partition_values(event_log& log, const std::string& topic, int partition);
// Every entry's value of a topic, sorted.
std::vector<std::string> topic_values(event_log& log, const std::string& topic, int partitions);

}  // namespace weir

// One shard's decisions, without threads: what may run now, and what follows when it has run (DESIGN §5).
//
//   offer(chunk) ─> ingest ──batches in memory──> task (one per pipeline) ──┐
//                     │ epoch                        │ epoch                 ├─> writer: one log transaction, then
//                     RocksDB └──────────────────────────────┴───────────────────────┘
//
// The owner (an actor with a pool of threads, or the simulation with a seed) calls the events below from one thread at
// a time, takes runnable jobs, runs each on any thread, and says finished(). Jobs that are out together touch disjoint
// objects, so they may run in parallel. A job that never returns is reported with hung(): its pipeline is quarantined
// and whatever the job still does is ignored.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/shard/ingest_request.hpp"
#include "actors/source/connector.hpp"
#include "cluster/control_state.hpp"
#include "cluster/stream_clock.hpp"
#include "runtime/log/log.hpp"
#include "runtime/operators/view_operator.hpp"
#include "state/state_store.hpp"

namespace weir {

class shard_tail;
class suspect_turn;
class writer_group;

struct shard_options {
  std::string app = "weir";
  int shard = 0;
  int shards = 1;
  std::int64_t commit_interval_min_us = 5'000;
  std::int64_t commit_interval_max_us = 100'000;
  // How long a commit of ingest's waits for the epochs of tasks that its rows are on their way to; 0: not at all. Worth
  // it where a commit takes longer than that.
  std::int64_t commit_company_us = 0;
  std::size_t epoch_max_bytes = std::size_t{16} << 20;
  std::size_t ingest_queue_bytes = std::size_t{32} << 20;  // chunks that wait for ingest
  std::size_t task_queue_bytes = std::size_t{64} << 20;    // decoded batches a task may be behind in memory
  std::size_t job_bytes = std::size_t{4} << 20;            // what one job takes at a time
  std::size_t view_rows = 1'000'000;                       // rows kept per view and shard in its table
  int attempts = 3;                                        // per position, before the batch is bisected
  // Records of a stream that can have been in flight at an unclean exit: accepted, or consumed beyond a commit.
  std::uint64_t in_flight_records = 1'000'000;
  // Chunks of a source that are taken one by one after it. A deeper one that ends the process is met again in a later
  // life, nearer to where its source goes on: each of these commits by itself.
  std::size_t suspect_chunks = 16;
  // Asked before the writer is opened, so also after it was fenced: whether the shard is still this process' own, by
  // the control log as it is now (PROTOCOL 22). An error keeps the shard closed; after `unavailable` it asks again.
  // Empty: it is its own.
  std::function<status()> may_open;
  std::shared_ptr<writer_group> writers;  // shared with other shards; none: the shard has a writer of its own
  std::shared_ptr<suspect_turn> turn;  // one for all shards of a process; none: the shard makes its own
  operator_limits operators;
  ingest_limits ingest;
};

// What a source needs to (re)start: where to resume, and the session its chunks must name.
struct source_attachment {
  std::uint64_t session = 0;  // of this shard's ingest; chunks of an older one are refused (PROTOCOL 6)
  std::uint64_t incarnation = 0;
  std::string position;
};

struct offered_chunk {
  std::string source;
  std::uint64_t session = 0;
  source_chunk chunk;
  std::shared_ptr<ingest_request> request;  // stands for itself, outside of any session; none for a source's own chunks
  // Called once: accepted (the source may go on), or why not; cancelled: attach again.
  std::function<void(status)> accepted;
  // Called once after the commit, if the chunk was accepted; never when the shard fails before. May be empty. Who waits
  // brings the commit forward: the epoch is cut as soon as the writer is free and commit.interval_min has passed.
  std::function<void()> committed;
};

// What the shard tells its owner; called from the events, never from jobs.
class shard_listener {
 public:
  virtual ~shard_listener() = default;
  // The shard is open: its sources must attach (again): what they handed over before may not have been committed.
  virtual void shard_running(int shard) = 0;
  // Its writer or ingest failed: it is stopped; its owner decides when start() is tried again.
  virtual void shard_failed(int shard, const error& why) = 0;
  // The log takes nothing for now (the disk is full, the brokers do not answer): nothing is committed before it does.
  // `opens_again`: what was not committed is forgotten.
  virtual void shard_held(int /*shard*/, const error& /*why*/, bool /*opens_again*/) {}
  // A pipeline failed and restarts from its last commit.
  virtual void pipeline_restarted(int shard, std::string_view pipeline, const error& why) = 0;
  // A pipeline stopped in this shard until someone resumes it.
  virtual void pipeline_quarantined(int shard, std::string_view pipeline, const error& why) = 0;
  // Entries below `end` were committed to this partition of a view's or a shuffle's topic; the owner wakes the shard
  // that has the partition's number, and whoever follows the view. `rows`: a view's rows are among them.
  virtual void topic_committed(int shard, std::string_view topic, int partition, std::int64_t end, bool rows) = 0;
  virtual void clock_changed(int shard, std::string_view stream, const shard_clock& clock) = 0;
};

enum class job_kind : std::uint8_t { open, restore, ingest, task, commit };

struct shard_job {
  std::uint64_t id = 0;
  job_kind kind = job_kind::open;
  std::string pipeline;
  std::function<void()> run;  // catches what it throws, except a kill hook's own type in simulations
};

// What a pipeline does in this shard, for people.
struct pipeline_status {
  std::string state;  // running, restarting, careful (one position at a time, after a failure), quarantined
  std::string error;
  std::uint64_t records = 0;  // processed since start
  std::uint64_t behind = 0;   // records of its streams not yet processed
  std::uint64_t restarts = 0;
  std::uint64_t incarnation = 0;  // the control log's, of what runs here
  std::size_t state_bytes = 0;
  std::size_t queue_bytes = 0;  // decoded batches in memory that it has not taken yet
  std::map<std::string, clock_state> view_clocks;
};

struct source_status {
  std::uint64_t accepted = 0, dead = 0, late = 0;
  std::int64_t watermark_us = no_watermark;
  std::int64_t last_record_us = 0;  // wall clock
  std::string state;                // live, idle, ended
  std::string position;
};

using source_status_map = std::map<std::string, source_status, std::less<>>;
using source_statuses = std::shared_ptr<const source_status_map>;

class shard {
 public:
  shard(shard_options options, event_log& log, state_store& store, shard_listener& listener);
  ~shard();
  shard(const shard&) = delete;
  shard& operator=(const shard&) = delete;

  // --- events; `now_us` is the wall clock ---
  void start(std::shared_ptr<const control_plan> plan, std::int64_t now_us);
  // Before start(): who had the shard last did not end well, so what was in flight is suspected (PROTOCOL 9).
  void suspect_predecessor();
  // For a standby: follows what the shard's owner commits. It writes RocksDB, so only while the shard is stopped.
  std::unique_ptr<shard_tail> make_tail() const;
  // Before start(): the next opening goes on from what was followed.
  void go_on_from(std::unique_ptr<shard_tail> tail);
  // A later control state: applied at the next cut. Opens and removes sources, adds and drops pipelines.
  void apply(std::shared_ptr<const control_plan> plan, std::int64_t now_us);
  void offer(offered_chunk chunk, std::int64_t now_us);
  void advise(std::string_view stream, const clock_advice& advice, std::int64_t now_us);
  // The partition of this shard's number, of a shuffle's or view's topic, has committed entries up to `end`.
  void wake(std::string_view topic, std::int64_t end);
  // A quarantined pipeline tries again.
  void resume_pipeline(std::string_view name, std::int64_t now_us);
  void tick(std::int64_t now_us);
  void finished(std::uint64_t job, std::int64_t now_us);
  void hung(std::uint64_t job, std::int64_t now_us);
  // No further cuts of new input; what is accepted is committed. drained() says when.
  void drain(std::int64_t now_us);
  // Stops at once; jobs that are out are ignored when they finish.
  void stop();

  // --- questions ---
  std::vector<shard_job> take_runnable();
  // When tick() has something to do without another event; none: not before an event.
  std::optional<std::int64_t> next_tick_us() const;
  bool running() const;
  bool drained() const;
  // Where a source resumes; none while the shard is not running or does not know the source.
  std::optional<source_attachment> attach(std::string_view source);
  std::map<std::string, pipeline_status> pipelines() const;
  // As they are now; the same picture while none of them changes.
  source_statuses sources() const;
  std::uint64_t commits() const;
  std::size_t queue_bytes() const;  // chunks that wait for ingest
  // Why nothing is committed for now; none: it is not so. It goes on by itself.
  std::optional<error> held() const;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace weir

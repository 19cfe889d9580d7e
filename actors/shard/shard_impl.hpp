// The inside of a shard, for shard*.cpp only.
#pragma once

#include <deque>

#include "actors/shard/ingest.hpp"
#include "actors/shard/shard.hpp"
#include "actors/shard/shard_tail.hpp"
#include "actors/shard/shard_writer.hpp"
#include "actors/shard/suspect_turn.hpp"
#include "actors/shard/task.hpp"

namespace weir {

// The longest that a shard goes without a tick.
inline constexpr std::int64_t longest_rest_us = 1'000'000;
// How often a log that takes nothing for now is asked again.
inline constexpr std::int64_t log_retry_us = 1'000'000;
// What a log says when nothing of a call stands and time mends it: the disk is full, the brokers do not answer. It is
// nobody's failure, so it counts as none.
inline bool passes(errc code) { return code == errc::no_space || code == errc::unavailable; }

// How long a unit of an attempt is: all that a job reads of the log, or a whole chunk.
inline constexpr std::uint64_t whole_unit = 0;
// Attempts of ingest stand under this and the source's name; no pipeline's name has a slash.
inline const std::string source_attempts = "source/";

// After a start, units that may have ended the process wait so long: others pass theirs meanwhile.
inline constexpr std::int64_t suspect_wait_us = 300'000;

// One pipeline in this shard.
struct pipeline_run {
  enum class phase : std::uint8_t {
    waiting,      // failed; a commit with its epochs is under way, its outcome comes first (PROTOCOL 4)
    restoring,    // its task is being made from the last commit
    running,      //
    quarantined,  // until someone resumes it
    dropping,     // gone from the control log, or replaced there; its state is being deleted or inherited
  };
  planned_pipeline plan;
  phase at = phase::restoring;
  std::shared_ptr<task> work;
  bool job_out = false;
  bool in_flight = false;         // a commit with its epochs is under way
  std::uint64_t incarnation = 0;  // of its task in this process
  std::uint64_t next_epoch = 1;
  std::int64_t cut_at_us = 0;                                          // last cut
  std::map<std::string, std::deque<ingested_ptr>, std::less<>> queue;  // by stream, not yet processed
  std::size_t queue_bytes = 0;
  std::map<std::string, std::int64_t, std::less<>> known_end;  // by topic of shuffles and views: committed up to here
  std::int64_t poll_at_us = 0;   // when inputs are looked at although nothing is known of them
  std::int64_t retry_at_us = 0;  // when an input is read again that had nothing to show yet
  std::uint64_t restarts = 0;
  int restore_failures = 0;  // in a row, of its own code
  error problem;
  pipeline_status seen;  // its numbers when its task was last here: a job has it most of the time
  std::map<std::string, std::uint64_t, std::less<>> seen_positions;  // by stream

  // After a failure or an unclean exit: one counted unit at a time, from the log, until what was in flight is passed.
  bool careful = false;
  bool counted = false;                                             // the next unit's attempt stands in the log
  attempt trying;                                                   // the unit; count 0: none
  std::uint64_t unit_length = whole_unit;                           // records a unit may have
  std::map<std::string, std::uint64_t, std::less<>> careful_until;  // by stream
};

// A source whose next chunks are suspects (shard_suspects.cpp).
struct suspect_source {
  attempt trying;
  bool counted = false;  // the attempt stands in the log
  bool poison = false;   // the unit is one record, and has failed too often
  bool begun = false;    // a part of its chunk, the first that waits, was taken
  std::uint64_t unit_length = whole_unit;
  std::size_t chunks_left = 0;  // so many, then it is trusted
};

// A source's only session whose chunks count.
struct attached_source {
  std::uint64_t session = 0;
  bool refused = false;  // one of its chunks was: none behind it may enter in its stead (PROTOCOL 6)
};

// What an ingest job takes, and what it brings back.
struct ingest_work {
  struct answer {
    std::string source;
    std::function<void(status)> accepted;
    std::function<void()> committed;
    std::shared_ptr<ingest_request> request;
  };
  std::shared_ptr<const control_plan> plan;  // none: nothing to apply
  std::vector<std::pair<std::string, clock_advice>> advices;
  std::vector<offered_chunk> chunks;
  std::vector<answer> answers;  // to the chunks, in their order
  std::map<std::string, std::uint64_t, std::less<>> incarnations;
  bool check_idle = false, cut = false;
  std::string suspect;  // the source, when the only chunk is a suspect, of which `take` is taken
  chunk_take take;
  std::optional<offered_chunk> kept;  // that chunk, when a part of it is left for later

  void cancel(int shard) const {
    for (const auto& a : answers)
      if (a.accepted) a.accepted(fail(errc::cancelled, "shard {} restarts", shard));
  }
};

struct ingested {
  std::vector<ingested_ptr> batches;
  std::vector<status> chunks;
  std::optional<epoch> cut;
  std::map<std::string, std::uint64_t, std::less<>> numbers;  // of the streams that the cut epoch holds
  std::map<std::string, shard_clock, std::less<>> clocks;     // of the streams that changed
  std::optional<std::int64_t> next_idle_us;
  std::vector<std::pair<std::string, source_status>> changed;
  std::vector<std::pair<std::string, std::uint64_t>> incarnations;
};

struct task_work {
  std::vector<ingested_ptr> batches;
  std::vector<task_input*> behind;  // to read on in the log
  bool backlog = false;
};

struct shard::impl {
  impl(shard_options o, event_log& l, state_store& s, shard_listener& out)
      : options(std::move(o)),
        log(l),
        store(s),
        listener(out),
        turn(options.turn ? options.turn : std::make_shared<suspect_turn>()) {}

  shard_options options;
  event_log& log;
  state_store& store;
  shard_listener& listener;

  enum class phase : std::uint8_t { stopped, opening, running };
  phase at = phase::stopped;
  bool draining = false;
  bool started_before = false;
  bool unclean = false;  // the process before this one did not end well
  std::int64_t now_us = 0;
  std::uint64_t session = 0;
  std::shared_ptr<const control_plan> plan;     // what pipelines follow
  std::shared_ptr<const control_plan> applied;  // what ingest has applied
  std::shared_ptr<shard_writer> writer;
  std::shared_ptr<ingest> intake;
  std::shared_ptr<shard_tail> followed;  // by a standby that becomes the owner, until the shard is open
  task_map warm;                         // what it brought, until the pipelines' first restore
  std::map<std::string, pipeline_run, std::less<>> pipelines;

  struct job_record {
    job_kind kind;
    std::string pipeline;
    std::uint64_t session;
    bool abandoned = false;
    std::function<void()> done;
    std::function<void()> cancel;  // instead of done, when the shard stops meanwhile; may be empty
  };
  std::map<std::uint64_t, job_record> jobs;
  std::uint64_t next_job = 1;
  int writer_jobs = 0;  // open, commit and attempt jobs that are out, of any session: they write RocksDB
  bool ingest_out = false;
  bool ingest_has_records = false;  // in its open epoch
  bool ingest_awaited = false;      // ... and somebody waits for them

  std::deque<offered_chunk> chunks;
  std::size_t chunk_bytes = 0;
  std::map<std::string, attached_source, std::less<>> attachments;
  std::uint64_t next_attachment = 1;
  std::map<std::string, int, std::less<>> chunks_in_job;
  std::vector<std::pair<std::string, clock_advice>> advices;
  source_status_map source_states;
  source_statuses told_sources;  // none: something changed since they were told
  std::map<std::string, std::uint64_t, std::less<>> source_incarnations;
  std::map<std::string, shard_clock, std::less<>> clocks;
  std::int64_t ingest_cut_at_us = 0;
  std::int64_t ingest_ready_us = 0;  // since when an epoch of ingest's is ready
  std::optional<std::int64_t> next_idle_us;  // when ingest looks for silent sources

  std::vector<epoch> ready;
  std::uint64_t committed_ingest = 0;
  std::map<std::string, std::uint64_t, std::less<>> committed_numbers;  // by stream: the next number after the commit
  // After an unclean exit, by stream: records below these numbers reach tasks through the log only, not from memory.
  std::map<std::string, std::uint64_t, std::less<>> memory_from;
  std::map<std::uint64_t, std::map<std::string, std::uint64_t, std::less<>>> cut_numbers;  // by ingest epoch
  std::map<std::string, std::deque<commit_outcome::stream_hint>, std::less<>> hints;       // by topic, newest last
  std::vector<std::pair<std::uint64_t, std::function<void()>>> commit_waiters;             // ingest epoch, callback
  std::int64_t commit_retry_us = 0, open_retry_us = 0;
  std::optional<error> held;  // the log takes nothing: nothing is committed, so sources come to a stand
  std::uint64_t commits = 0;

  std::map<std::string, attempt> attempts;  // as the log had them when the shard opened
  std::shared_ptr<suspect_turn> turn;
  bool waits_for_turn = false;
  std::int64_t suspects_from_us = 0;  // no unit that was tried before the start is tried before
  // Ingest's suspects.
  bool careful_intake = false;  // since an unclean exit or a failure of ingest in this process
  std::string ingest_problem;   // of that failure
  std::map<std::string, suspect_source, std::less<>> suspects;
  bool counting_suspect = false;
  std::uint64_t suspect_epoch = 0;  // of ingest, with the unit that was taken and is not committed yet; 0: none

  // --- jobs (shard_jobs.cpp) ---
  template <class Work, class Done>
  shard_job make_job(job_kind kind, std::string pipeline, Work work, Done done);
  result<std::shared_ptr<ingest>> restored_ingest();
  shard_job open_job();
  std::optional<shard_job> ingest_job();
  void take_in(offered_chunk chunk);
  void take_chunks(ingest_work& work);
  offered_chunk take_front_chunk();
  void hand_to_job(ingest_work& work, offered_chunk c);
  void take_ingested(ingest_work& work, ingested r);
  task_work take_task_work(pipeline_run& p, bool poll);
  std::optional<shard_job> pipeline_job(pipeline_run& p);
  shard_job restore_job(pipeline_run& p);
  result<std::shared_ptr<task>> restored_task(const planned_pipeline& planned, const catalog& names,
                                              std::shared_ptr<task> ahead);
  void restore_failed(pipeline_run& p, const error& why);
  std::optional<shard_job> end_job(pipeline_run& p);
  shard_job drop_job(pipeline_run& p);
  std::optional<shard_job> task_job(pipeline_run& p);
  bool ingest_full() const { return intake->open_bytes() >= options.epoch_max_bytes; }
  bool has_ready(std::string_view pipeline) const;
  void time_is(std::int64_t us);
  std::int64_t interval_us(bool backlog) const;
  std::int64_t next_cut_us(std::int64_t last_cut, bool backlog) const;
  std::optional<std::int64_t> company_until_us() const;
  std::int64_t next_ingest_cut_us(bool backlog) const;
  bool cut_due(std::int64_t last_cut, bool backlog) const;
  void use_hint(task_input& input) const;
  void route(const std::vector<ingested_ptr>& batches);
  void note_progress(pipeline_run& p);

  // --- careful mode (shard_careful.cpp) ---
  std::optional<shard_job> careful_job(pipeline_run& p);
  shard_job count_job(pipeline_run& p);
  shard_job unit_job(pipeline_run& p, task_input& input, bool skip);
  void enter_careful(pipeline_run& p, bool after_failure);
  void clamp_careful(pipeline_run& p);
  void after_unclean_exit();
  task_input* next_unit(pipeline_run& p);
  bool has_work(const pipeline_run& p, const task_input& input) const;

  // --- ingest's suspects (shard_suspects.cpp) ---
  void drop_stale_chunks();
  suspect_source* front_suspect();
  std::optional<shard_job> suspect_job();
  void take_suspect(ingest_work& work, suspect_source& s);
  void refuse_suspect(suspect_source& s);
  void suspect_taken(ingest_work& work, const status& taken);
  bool may_try(const attempt& a, bool counted, std::string_view pipeline);

  // --- commits (shard_commit.cpp) ---
  std::optional<shard_job> commit_job();
  void committed(const std::vector<epoch>& epochs, const commit_outcome& outcome);
  void accept_epoch(pipeline_run& p, epoch e);
  void drop_ready(std::string_view pipeline);

  // --- failures and control (shard.cpp) ---
  void follow_plan();
  static pipeline_run new_run(const planned_pipeline& planned);
  void let_go(pipeline_run& p);
  void fail_pipeline(pipeline_run& p, const error& why);
  void quarantine(pipeline_run& p, const error& why);
  void fail_shard(const error& why);
  void fail_ingest(const error& why);
  void wait_for_log(const error& why);
  void reset();
  task_options options_of_task() const;
};

source_status status_of(const ingest_source& s);

template <class Work, class Done>
shard_job shard::impl::make_job(job_kind kind, std::string pipeline, Work work, Done done) {
  using answer = decltype(work());
  auto slot = std::make_shared<answer>(fail(errc::internal, "a job did not run"));
  const auto id = next_job++;
  jobs[id] = {kind, pipeline, session, false, [slot, done = std::move(done)]() mutable { done(std::move(*slot)); }, {}};
  if (kind == job_kind::open || kind == job_kind::commit) ++writer_jobs;
  return {id, kind, std::move(pipeline), [slot, work = std::move(work)]() mutable {
            try {
              *slot = work();
            } catch (const std::exception& e) {
              *slot = fail(errc::thrown, "{}", e.what());
            }
          }};
}

}  // namespace weir

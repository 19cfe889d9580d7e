// Shards of one process on one log, driven in real time: a thread for their events, and threads that run their jobs, as
// the node has them, without actors around them.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "actors/shard/shard.hpp"

namespace weir::bench {

// What a source hands over, in order; `next` moves as ingest takes chunks.
struct chunk_source {
  std::string name;
  const std::vector<raw_records>* chunks = nullptr;  // outlives the runner
};

class shard_runner : public shard_listener {
 public:
  // threads: 0 runs every job on the caller's thread.
  shard_runner(event_log& log, state_store& store, shard_options options, int shards, int threads);
  ~shard_runner() override;

  void start(std::shared_ptr<const control_plan> plan);
  void apply(std::shared_ptr<const control_plan> plan);
  void feed(std::vector<chunk_source> sources);
  // Until `done` says so; throws when a shard or pipeline fails, and after `patience`.
  void run(const std::function<bool()>& done, std::int64_t patience_us);

  bool running() const;                                    // every shard is open
  bool all_committed() const;                              // every chunk that was fed is
  std::uint64_t commits() const;                           // of all shards
  std::uint64_t records(std::string_view pipeline) const;  // that its tasks have processed
  // Called when a topic has grown by a commit.
  std::function<void(std::string_view topic)> on_commit;

 private:
  struct source_run {
    chunk_source source;
    int shard = 0;
    std::optional<source_attachment> attached;
    std::size_t taken = 0;
    bool committed = false;  // the last chunk, and so all
    bool waiting = false;
  };
  struct posted_job {
    int shard = 0;
    shard_job job;
  };

  void shard_running(int) override {}
  void shard_failed(int shard, const error& why) override;
  void pipeline_restarted(int shard, std::string_view pipeline, const error& why) override;
  void pipeline_quarantined(int shard, std::string_view pipeline, const error& why) override;
  void topic_committed(int shard, std::string_view topic, int partition, std::int64_t end, bool rows) override;
  void clock_changed(int shard, std::string_view stream, const shard_clock& clock) override;

  shard& at(int i) const { return *shards_[static_cast<std::size_t>(i)]; }
  bool offer_next(source_run& s);
  bool step();
  bool take_finished();
  void wait_for_work();
  void work();

  std::vector<std::unique_ptr<shard>> shards_;
  std::vector<std::unique_ptr<source_run>> sources_;
  std::map<std::string, stream_clock, std::less<>> clocks_;
  std::deque<posted_job> own_jobs_;  // without threads
  std::string failure_;

  std::mutex mutex_;
  std::condition_variable wake_workers_, wake_events_;
  std::deque<posted_job> queue_;
  std::vector<std::pair<int, std::uint64_t>> finished_;
  bool ending_ = false;
  std::vector<std::jthread> threads_;
};

std::int64_t now_us();  // wall clock

}  // namespace weir::bench

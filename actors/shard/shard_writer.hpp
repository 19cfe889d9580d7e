// The one that makes epochs true: a shard's log writer and, behind it, its committed state (DESIGN §5).
//
//   open    fence older owners, bring RocksDB up to the changelog's end; also the way to learn an unknown outcome
//   commit  every ready epoch in one log transaction, then one RocksDB write
//
// Used by one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "actors/shard/epoch.hpp"
#include "cluster/control_state.hpp"
#include "runtime/log/log.hpp"
#include "runtime/log/writer_group.hpp"
#include "state/state_store.hpp"

namespace weir {

class shard_tail;

// A counted attempt to pass a position that has failed before (PROTOCOL 9).
struct attempt {
  std::string stream;  // the topic of the position
  std::uint64_t position = 0;
  std::uint64_t length = 0;  // records tried together
  std::uint64_t count = 0;   // attempts so far, this one included

  bool operator==(const attempt&) const = default;
};

struct commit_outcome {
  std::vector<status> epochs;  // as they were given: stands, or why the log refused it
  struct growth {
    std::string topic;
    int partition = 0;
    std::int64_t end = 0;
    bool rows = false;  // else it is time alone that went on
  };
  std::vector<growth> grown;  // of views and shuffles
  struct stream_hint {
    std::string topic;
    std::uint64_t first_number = 0;
    std::int64_t offset = 0;
  };
  std::vector<stream_hint> streams;  // where in the log the transaction's first entry of each stream lies
};

class shard_writer {
 public:
  // `writers`: of several shards, or none for a writer of its own.
  shard_writer(std::string app, int shard, event_log& log, state_store& store,
               std::shared_ptr<writer_group> writers = {});

  // `tail`: of this shard.
  status open(const control_plan& plan, shard_tail& tail);
  // rejected: every epoch on its own then, see the outcome's statuses. An error means the writer is dead (fenced,
  // unknown_outcome, io_error) or nothing could be written for now (no_space).
  result<commit_outcome> commit(const std::vector<epoch>& epochs);

  // The commit that failed stands in the log in part or as a whole: only opening again brings the state up to it.
  bool stands_in_part() const { return stands_; }

  status count_attempt(std::string_view pipeline, const attempt& a);
  result<std::map<std::string, attempt>> read_attempts();

 private:
  struct flat;
  flat flatten(const std::vector<const epoch*>& epochs) const;
  status commit_together(const std::vector<const epoch*>& epochs, commit_outcome& outcome);
  status apply(const flat& f, const std::vector<std::int64_t>& offsets, commit_outcome& outcome);
  std::string_view view_of(std::string_view topic) const;

  std::string app_, changelog_, view_prefix_, shuffle_prefix_, stream_prefix_;
  int shard_;
  event_log& log_;
  state_store& store_;
  std::shared_ptr<writer_group> writers_;
  std::unique_ptr<log_writer> writer_;
  bool stands_ = false;
};

// Every topic that the plan needs, for all shards.
std::vector<topic_config> topics_of(std::string_view app, int shards, const control_plan& plan,
                                    std::int64_t retention_ms, std::int64_t retention_bytes);
// Makes them. Call before the plan reaches a shard.
status create_topics(event_log& log, std::string_view app, int shards, const control_plan& plan,
                     std::int64_t retention_ms, std::int64_t retention_bytes);

}  // namespace weir

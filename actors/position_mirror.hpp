// Where pipelines stand, as offsets of Kafka's consumer groups: for lag tools, and for nothing else (DESIGN §3.2).
//
// Group "<app>.<pipeline>", one offset per input topic and shard. It is made from the committed state alone, in a
// rhythm of its own: no transaction, no shard and no commit knows of it. An offset never promises more than the
// committed position; it may trail it by about two rounds, and a group that could not be written is tried again in the
// next.
//
// Streams have positions by record number. The offset that belongs to one is found without reading the log: whatever
// could be read before the partition's end was asked for has a number below the next one that ingest has committed a
// round later.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <memory>

#include "actors/shard/task_record.hpp"
#include "cluster/control_state.hpp"
#include "runtime/log/kafka_groups.hpp"
#include "runtime/log/log.hpp"

namespace weir {

class position_mirror {
 public:
  using clock = std::chrono::steady_clock;

  // `budget`: what looking, and then writing, may take; the rest is left to the next round.
  position_mirror(std::string app, event_log& log, state_store& store, std::unique_ptr<kafka_groups> groups,
                  std::chrono::milliseconds budget);

  // One round, of the shards that this node runs. Asks the brokers; one call at a time. The first trouble ends it.
  status refresh(const control_plan& plan, const std::vector<int>& shards);

 private:
  // What is known of an input's partition of one pipeline, or of a stream's (then the pipeline is empty).
  struct place {
    std::string pipeline, topic;
    int shard = 0;
    auto operator<=>(const place&) const = default;
  };
  struct stream_place {
    struct mark {
      std::uint64_t number = 0;  // records below it lie below the offset
      std::int64_t offset = 0;
    };
    std::deque<mark> marks;
    std::int64_t end = -1;   // as asked last
    std::uint64_t seen = 0;  // committed then
    int quiet_rounds = 0;
  };
  struct log_place {
    std::uint64_t position = 0;
    std::int64_t offset = -1;  // behind the markers that follow the position; -1: not looked for
  };
  struct shown_group {
    std::uint64_t incarnation = 0;
    std::map<std::pair<std::string, int>, std::int64_t> wanted, written;
    clock::time_point written_at;
  };

  status note_stream(const std::string& stream, int shard);
  status note_pipeline(const planned_pipeline& pipeline, int shard);
  std::int64_t offset_in_stream(const task_record::input& input, const std::string& topic, int shard) const;
  result<std::int64_t> offset_in_log(const std::string& pipeline, const task_record::input& input,
                                     const std::string& topic, int shard);
  shown_group& group_of(const pipeline_record& record);
  void forget_logs(const std::string& pipeline);
  status write_groups(const control_plan& plan);
  status write(const std::string& id, shown_group& shown);
  std::string app_;
  event_log& log_;
  state_store& store_;
  std::unique_ptr<kafka_groups> groups_;
  std::chrono::milliseconds budget_;
  std::map<place, stream_place> streams_;
  std::map<place, log_place> logs_;
  std::map<std::string, shown_group> known_;  // by pipeline
  std::size_t next_ = 0;                      // where the last round stopped
  std::string last_group_;                    // ... and which group it wrote last
};

}  // namespace weir

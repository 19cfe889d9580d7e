// Brings one shard's RocksDB up to its changelog and its views' topics. An owner does it once, behind the fence of its
// writer; a standby does it over and over and keeps the shard's tasks in memory beside it, so that taking over has
// little left to read.
//
// Writes to the store: one thread at a time per shard, and none while the shard itself runs in this process.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "actors/shard/warm_tasks.hpp"
#include "cluster/control_state.hpp"
#include "runtime/log/log.hpp"
#include "state/state_store.hpp"

namespace weir {

// A view topic's entry as a change of the view's table; none for clocks.
std::optional<view_row_change> row_of(std::string_view view, const log_append& entry, std::int64_t offset, bool fresh);

class shard_tail {
 public:
  shard_tail(task_options options, event_log& log, state_store& store);

  // To the end as it is now. State that the log has lost the ground of is wiped and rebuilt (PROTOCOL 24).
  status catch_up(const control_plan& plan);
  // For a standby: what has come since the last call, at most a few MiB per topic; answers whether there was as much:
  // more may be there. What seems lost is left alone: the owner's last transaction may not show yet.
  result<bool> follow(const control_plan& plan);
  // For a standby, after follow(): where that came to the changelog's end, reads what is missing of the tasks' state
  // into memory, until `ends` answers true.
  void warm(const control_plan& plan, const std::function<bool()>& ends) {
    if (at_end_) tasks_.make(plan, ends);
  }
  std::size_t tasks_in_memory() const { return tasks_.size(); }
  // Those that are in memory and stand where the store does.
  task_map take_tasks(const control_plan& plan) { return tasks_.take(plan); }

 private:
  status restore_changelog();
  // A view that was dropped and made again since this copy was written has another topic of the same name: nothing of
  // the copy is its own. So a copy remembers of which making it is.
  status settle_view(const std::string& view, std::int64_t making);
  status restore_view(std::string_view view, topic_kind kind);
  result<bool> follow_changelog();
  result<bool> follow_view(const std::string& view, std::int64_t making, topic_kind kind);
  // Applies what one fetch brings; how many bytes that were, 0: nothing came.
  result<std::size_t> take_changes(log_reader& from);
  result<std::size_t> take_rows(log_reader& from, std::string_view view, topic_kind kind);
  template <class Take>
  bool read_to_end(std::unique_ptr<log_reader>& followed, Take take);
  status wipe();
  result<std::unique_ptr<log_reader>> reader_at(const std::string& topic, std::int64_t from);

  std::string app_, changelog_topic_;
  int shard_;
  event_log& log_;
  state_store& store_;
  warm_tasks tasks_;
  bool at_end_ = false;
  std::unique_ptr<log_reader> changelog_;
  struct followed_view {
    std::int64_t making = 0;
    std::unique_ptr<log_reader> reader;
  };
  std::map<std::string, followed_view, std::less<>> views_;
};

}  // namespace weir

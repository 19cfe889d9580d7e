// The tasks of a shard that another node runs, kept as its last commit has them: a takeover finds them in memory.
//
// They are made from the store when it stands at the changelog's end, and follow the changelog from there. A fetch may
// end anywhere inside an epoch; a task changes when the record that ends the epoch has come. Whatever does not fit is
// thrown away: the pipeline is then restored from the store, as at any start.
//
// Used by one thread at a time.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "actors/shard/task.hpp"

namespace weir {

// By the prefix of a pipeline's state (state/state_key.hpp): of one incarnation of it.
using task_map = std::map<std::string, std::shared_ptr<task>, std::less<>>;

class warm_tasks {
 public:
  warm_tasks(task_options options, state_store& store);

  // The store holds these entries of the changelog now.
  void follow(std::vector<log_entry> entries);
  // Makes what the plan has and is missing; `ends`: see task::load.
  void make(const control_plan& plan, const std::function<bool()>& ends);
  void clear();
  // Whether make() would read something.
  bool lacks(const control_plan& plan) const;
  std::size_t size() const { return tasks_.size(); }
  // All that may run under this plan, for a store that stands where they do.
  task_map take(const control_plan& plan);

 private:
  struct followed {
    std::shared_ptr<task> work;
    std::vector<state_change> pending;  // of an epoch that has not come as a whole
  };
  using clock = std::chrono::steady_clock;

  void drop_strangers(const control_plan& plan);
  bool may_make(const planned_pipeline& planned, const std::string& prefix) const;
  void give_up(const std::string& prefix, const error& why);

  task_options options_;
  state_store& store_;
  std::map<std::string, followed, std::less<>> tasks_;
  std::map<std::string, clock::time_point> not_before_;  // what was thrown away is made anew
  control_state made_for_;                               // the streams and pipelines
  std::int64_t seen_ = -1;                               // the control log's offset: of the plan that was seen last
  std::int64_t next_ = 0;                                // of the changelog: all before is in them
};

}  // namespace weir

// Tries a source without adding it: opens its connector, pulls the first records, and shows what ingest would make of
// them. Ingest is one of its own, in memory: nothing is written, no position is kept.
//
// Lifecycle: one actor per trial. Its work runs on the worker pool, a pull at a time, so that a slow instrument keeps
// no thread; it answers when it has seen enough, the source has ended, or its patience is over, and ends with that.
#pragma once

#include <nlohmann/json.hpp>

#include "actors/messages.hpp"
#include "actors/node.hpp"

namespace weir {

struct trial_request {
  source_spec spec;
  connector_context context;
  plan_ptr plan;
  std::chrono::milliseconds patience{5'000};
  std::size_t records = 10;
  node* in = nullptr;
  // Called once, if the node runs so long.
  std::function<void(result<nlohmann::json>)> done;
};

using source_trial_actor = caf::typed_actor<caf::reacts_to<timer_atom>,                  // the next pull
                                            caf::reacts_to<taken_atom>,                  // a pull has come back
                                            caf::reacts_to<refused_atom, std::string>>;  // ... or hangs

struct source_trial_state {
  std::shared_ptr<class source_trial> trial;
  static inline const char* name = "trial";
};

source_trial_actor::behavior_type source_trial_behavior(source_trial_actor::stateful_pointer<source_trial_state> self,
                                                        trial_request request);

}  // namespace weir

// The one who writes the control log. Commands are checked against the folded state, appended as one transaction,
// folded back, and only then told to shards and sources and answered (DESIGN §6).
//
// Lifecycle: detached (the log may block); when it fails it is restarted and folds the log anew.
#pragma once

#include "actors/messages.hpp"
#include "cluster/control_log.hpp"

namespace weir {

struct control_setup {
  control_log* log = nullptr;
  // Called after every change with the new plan, before the command is answered: makes topics, tells everyone.
  std::function<status(plan_ptr)> publish;
};

struct control_actor_state {
  control_setup setup;
  static inline const char* name = "control";
};

control_actor::behavior_type control_behavior(control_actor::stateful_pointer<control_actor_state> self,
                                              control_setup setup);

}  // namespace weir

// The one who writes the control log. Commands are checked against the folded state, appended as one transaction,
// folded back, and only then told to shards and sources and answered (DESIGN §6).
//
// Lifecycle: detached (the log may block); when it fails it is restarted and folds the log anew.
#pragma once

#include <chrono>

#include "actors/messages.hpp"
#include "cluster/control_log.hpp"

namespace weir {

struct control_setup {
  control_log* log = nullptr;
  // Called after every change with the new plan, before the command is answered: makes topics, tells everyone.
  std::function<status(plan_ptr)> publish;
  // Called again and again where others write to the control log too; answers when it wants to be called next.
  std::function<std::chrono::milliseconds()> tick;
};

struct control_actor_state {
  control_setup setup;
  bool timer_set = false;
  static inline const char* name = "control";
};

control_actor::behavior_type control_behavior(control_actor::stateful_pointer<control_actor_state> self,
                                              control_setup setup);

}  // namespace weir

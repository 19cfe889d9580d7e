// A supervisor: starts children, restarts those that fail after a back-off, and gives up when they fail too often.
//
// Lifecycle: children start in order; a supervisor that ends ends its children first, in reverse order (CAF would leave
// them running). A child that ends with exit_reason::normal is done and not restarted; any other end is a failure.
// Restart budget spent: the supervisor quits, its own parent decides (escalation); or, for children that are
// independent of everything else (sources), it goes on at the longest back-off.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <string>
#include <vector>

#include "actors/messages.hpp"
#include "actors/supervision.hpp"

namespace weir {

struct supervisor_options {
  std::string name;
  restart_strategy strategy = restart_strategy::one_for_one;
  restart_limits limits;
  bool escalate = true;
  std::uint64_t seed = 1;  // of the jitter
  std::vector<child_spec> children;
  // Told of every failure: child, why, when it starts again (from now; none: never).
  std::function<void(const std::string&, const std::string&, std::optional<std::chrono::milliseconds>)> on_failure;
};

struct supervisor_state {
  struct child {
    child_spec spec;
    caf::actor running;  // none while it waits for its restart
    restart_plan plan;
  };
  supervisor_options options;
  std::list<child> children;  // in the order of their starts; there may be thousands, so none is searched for
  std::map<std::string, std::list<child>::iterator, std::less<>> by_name;
  std::map<caf::actor_addr, std::list<child>::iterator> by_address;  // of those that run
  static inline const char* name = "supervisor";
};

supervisor_actor::behavior_type supervisor(supervisor_actor::stateful_pointer<supervisor_state> self,
                                           supervisor_options options);

}  // namespace weir

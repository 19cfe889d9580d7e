// An actor system without threads and with virtual time, on CAF's test coordinator: actors run when drain() says so,
// timers fire when advance() says so. Its destructor ends every actor, so that a failing test cannot hang.
#pragma once

#include <optional>

#include "actors/messages.hpp"

namespace weir {

class sim_system {
  struct config : caf::actor_system_config {
    config() {
      set("scheduler.policy", caf::atom("testing"));
      set("logger.inline-output", true);
      add_message_types<caf::id_block::weir>();
    }
  };
  config config_;

 public:
  caf::actor_system system{config_};
  caf::scheduler::test_coordinator& scheduler =
      dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler());

  sim_system() { scheduler.clock().current_time += std::chrono::hours(1); }
  ~sim_system() {
    for (auto& actor : owned_) caf::anon_send_exit(actor, caf::exit_reason::kill);
    owned_.clear();
    drain();
    // A pending timer keeps its receiver alive: fire them all, ending whoever wakes.
    for (int i = 0; i < 10'000 && scheduler.has_pending_timeout(); ++i) {
      scheduler.trigger_timeout();
      for (auto* job : scheduler.jobs)
        if (auto* woken = dynamic_cast<caf::scheduled_actor*>(job))
          caf::anon_send_exit(caf::actor_cast<caf::strong_actor_ptr>(woken), caf::exit_reason::kill);
      drain();
    }
  }

  template <class... Arguments>
  auto spawn(Arguments&&... arguments) {
    auto handle = system.spawn(std::forward<Arguments>(arguments)...);
    owned_.push_back(caf::actor_cast<caf::strong_actor_ptr>(handle));
    return handle;
  }
  void drain() {
    while (scheduler.try_run_once()) {
    }
  }
  void advance(std::chrono::milliseconds by) {
    scheduler.advance_time(by);
    drain();
  }

 private:
  std::vector<caf::strong_actor_ptr> owned_;
};

}  // namespace weir

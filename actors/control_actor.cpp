#include "actors/control_actor.hpp"

namespace weir {

namespace {

// A command that another node was faster than is checked again, against what that one wrote.
constexpr int tries = 5;
constexpr std::chrono::seconds patience{3};

status run_command(control_setup& setup, const control_command& command) {
  const auto begun = std::chrono::steady_clock::now();
  for (int i = 1;; ++i) {
    WEIR_TRY(changed, setup.log->poll());
    if (changed) WEIR_TRY_VOID(setup.publish(setup.log->plan()));
    WEIR_TRY(records, command.check(*setup.log->plan()));
    if (records.empty()) return {};
    const auto offset = setup.log->append(records);
    if (offset) return setup.publish(setup.log->plan());
    const bool late = std::chrono::steady_clock::now() - begun > patience;
    if (offset.error().code != errc::unavailable || i == tries || late) return fail(offset.error());
  }
}

void tick(control_actor::stateful_pointer<control_actor_state> self) {
  if (!self->state.setup.tick) return;
  const auto pause = self->state.setup.tick();
  if (std::exchange(self->state.timer_set, true)) return;
  self->delayed_send(self, pause, timer_atom::value);
}

}  // namespace

control_actor::behavior_type control_behavior(control_actor::stateful_pointer<control_actor_state> self,
                                              control_setup setup) {
  self->state.setup = std::move(setup);
  if (self->state.setup.tick) self->send(self, timer_atom::value);
  return {
      [self](command_atom, const command_ptr& command) {
        auto answer = run_command(self->state.setup, *command);
        if (command->done) command->done(std::move(answer));
      },
      [self](wake_atom) { tick(self); },
      [self](timer_atom) {
        self->state.timer_set = false;
        tick(self);
      },
  };
}

}  // namespace weir

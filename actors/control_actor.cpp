#include "actors/control_actor.hpp"

namespace weir {

namespace {

status run_command(control_setup& setup, const control_command& command) {
  WEIR_TRY(records, command.check(*setup.log->plan()));
  if (records.empty()) return {};
  WEIR_TRY(offset, setup.log->append(records));
  static_cast<void>(offset);
  return setup.publish(setup.log->plan());
}

}  // namespace

control_actor::behavior_type control_behavior(control_actor::stateful_pointer<control_actor_state> self,
                                              control_setup setup) {
  self->state.setup = std::move(setup);
  return {
      [self](command_atom, const command_ptr& command) {
        auto answer = run_command(self->state.setup, *command);
        if (command->done) command->done(std::move(answer));
      },
  };
}

}  // namespace weir

#include "actors/supervisor.hpp"

namespace weir {

namespace {

using self_ptr = supervisor_actor::stateful_pointer<supervisor_state>;
using child_iterator = std::list<supervisor_state::child>::iterator;

void start_child(self_ptr self, child_iterator c) {
  c->running = c->spec.start(self->system());
  self->state.by_address.insert_or_assign(c->running.address(), c);
  self->monitor(c->running);
}

void end_child(self_ptr self, supervisor_state::child& c, caf::exit_reason reason) {
  if (!c.running) return;
  self->state.by_address.erase(c.running.address());
  self->demonitor(c.running);
  caf::anon_send<caf::message_priority::high>(c.running, caf::exit_msg{self->address(), reason});
  c.running = nullptr;
}

void end_all(self_ptr self, caf::exit_reason reason) {
  for (auto c = self->state.children.rbegin(); c != self->state.children.rend(); ++c) end_child(self, *c, reason);
}

void schedule(self_ptr self, supervisor_state::child& c, const std::string& why) {
  auto delay = c.plan.failed(self->clock().now());
  auto& o = self->state.options;
  if (!delay && !o.escalate) delay = o.limits.delay_max;
  if (o.on_failure) o.on_failure(c.spec.name, why, delay);
  if (!delay) {
    end_all(self, caf::exit_reason::kill);
    self->quit(caf::sec::runtime_error);
    return;
  }
  self->delayed_send(self, *delay, restart_atom::value, c.spec.name);
}

void remove_child(self_ptr self, const std::string& name) {
  const auto it = self->state.by_name.find(name);
  if (it == self->state.by_name.end()) return;
  end_child(self, *it->second, caf::exit_reason::user_shutdown);
  self->state.children.erase(it->second);
  self->state.by_name.erase(it);
}

void add_child(self_ptr self, child_spec spec, std::uint64_t seed) {
  auto& s = self->state;
  s.children.push_back({std::move(spec), {}, restart_plan(s.options.limits, seed)});
  const auto added = std::prev(s.children.end());
  s.by_name.insert_or_assign(added->spec.name, added);
  start_child(self, added);
}

void child_ended(self_ptr self, const caf::down_msg& down) {
  const auto known = self->state.by_address.find(down.source);
  if (known == self->state.by_address.end()) return;
  const auto it = known->second;
  self->state.by_address.erase(known);
  it->running = nullptr;
  if (!down.reason) return;  // exit_reason::normal
  if (self->state.options.strategy == restart_strategy::one_for_all) end_all(self, caf::exit_reason::kill);
  schedule(self, *it, self->system().render(down.reason));
}

void restart(self_ptr self, const std::string& name) {
  auto& s = self->state;
  if (s.options.strategy == restart_strategy::one_for_one) {
    if (const auto it = s.by_name.find(name); it != s.by_name.end() && !it->second->running)
      start_child(self, it->second);
    return;
  }
  for (auto c = s.children.begin(); c != s.children.end(); ++c)
    if (!c->running) start_child(self, c);
}

}  // namespace

supervisor_actor::behavior_type supervisor(self_ptr self, supervisor_options options) {
  self->state.options = std::move(options);
  auto& o = self->state.options;
  self->set_down_handler([self](caf::down_msg& down) { child_ended(self, down); });
  self->set_exit_handler([self](caf::exit_msg& m) {
    end_all(self, caf::exit_reason::user_shutdown);
    self->quit(m.reason);
  });
  for (auto& spec : o.children) add_child(self, std::move(spec), o.seed++);
  o.children.clear();
  return {
      [self](add_atom, const child_ptr& spec) {
        remove_child(self, spec->name);
        add_child(self, *spec, self->state.options.seed++);
      },
      [self](restart_atom, const std::string& name) { restart(self, name); },
      [self](remove_atom, const std::string& name) { remove_child(self, name); },
  };
}

}  // namespace weir

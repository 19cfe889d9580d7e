#include "actors/shard_actor.hpp"

namespace weir {

namespace {

using self_ptr = shard_actor::stateful_pointer<shard_actor_state>;

void post(self_ptr self, shard_job job) {
  auto cell = self->state.cell;
  const auto id = job.id;
  const bool writes = job.kind == job_kind::open || job.kind == job_kind::commit;
  if (writes) ++cell->writing;
  auto run = [cell, writes, work = std::move(job.run)] {
    work();
    if (writes) --cell->writing;
  };
  auto& pool = writes ? *self->state.pools.log : *self->state.pools.work;
  pool.post({std::move(run), [cell, id] { cell->job_finished(id); }, [cell, id] { cell->job_hangs(id); }});
}

// After every event: what may run now is posted, the timer is set for what comes by itself.
void pump(self_ptr self) {
  auto& s = self->state;
  if (s.cell->failure) {
    s.cell->failure.reset();
    self->quit(caf::sec::runtime_error);
    return;
  }
  for (auto& job : s.cell->core->take_runnable()) post(self, std::move(job));
  const auto next = s.cell->core->next_tick_us();
  if (!next || (s.timer_at && *s.timer_at <= *next)) return;
  s.timer_at = next;
  const auto wait = std::max<std::int64_t>(*next - s.now_us(), 500);
  self->delayed_send(self, std::chrono::microseconds(wait), timer_atom::value);
}

void take_jobs(self_ptr self) {
  auto& s = self->state;
  for (const auto id : s.cell->take_hung()) s.cell->core->hung(id, s.now_us());
  for (const auto id : s.cell->take_finished()) s.cell->core->finished(id, s.now_us());
}

shard_report report_of(const shard& core) {
  return {core.running(), core.drained(),   core.commits(), core.queue_bytes(),
          core.held(),    core.pipelines(), core.sources()};
}

}  // namespace

void shard_cell::listen(caf::actor_addr who) {
  std::lock_guard lock(mutex_);
  listener_ = std::move(who);
}

bool shard_cell::claim() {
  std::lock_guard lock(mutex_);
  if (retired_) return false;
  ++claims_;
  return true;
}

void shard_cell::give_back() {
  std::lock_guard lock(mutex_);
  --claims_;
}

void shard_cell::retire(bool retired) {
  std::lock_guard lock(mutex_);
  retired_ = retired;
}

bool shard_cell::is_free() const {
  std::lock_guard lock(mutex_);
  return retired_ && claims_ == 0 && writing == 0;
}

void shard_cell::note(std::vector<std::uint64_t>& list, std::uint64_t id) {
  caf::actor to;
  {
    std::lock_guard lock(mutex_);
    list.push_back(id);
    to = caf::actor_cast<caf::actor>(listener_);
  }
  if (to) caf::anon_send(to, wake_atom::value);
}

std::vector<std::uint64_t> shard_cell::take(std::vector<std::uint64_t>& list) {
  std::lock_guard lock(mutex_);
  return std::exchange(list, {});
}

shard_actor::behavior_type shard_behavior(self_ptr self, std::shared_ptr<shard_cell> cell, shard_pools pools,
                                          plan_ptr plan, std::int64_t (*now_us)()) {
  auto& s = self->state;
  s.cell = std::move(cell);
  s.pools = pools;
  s.now_us = now_us;
  s.cell->listen(self->address());
  self->attach_functor([cell = s.cell](const caf::error&) { cell->give_back(); });
  s.cell->failure.reset();
  s.cell->core->start(std::move(plan), now_us());
  self->send(self, wake_atom::value);
  self->set_exit_handler([self](caf::exit_msg& m) {
    self->state.cell->core->stop();
    self->quit(m.reason);
  });
  return {
      [self](plan_atom, const plan_ptr& p) {
        self->state.cell->core->apply(p, self->state.now_us());
        pump(self);
      },
      [self](offer_atom, const chunk_ptr& chunk) {
        self->state.cell->core->offer(std::move(*chunk), self->state.now_us());
        pump(self);
      },
      [self](attach_atom, const std::string& source) -> attachment_ptr {
        auto a = self->state.cell->core->attach(source);
        return a ? std::make_shared<const source_attachment>(std::move(*a)) : nullptr;
      },
      [self](wake_atom) {
        take_jobs(self);
        pump(self);
      },
      [self](grown_atom, const std::string& topic, std::int64_t end) {
        self->state.cell->core->wake(topic, end);
        pump(self);
      },
      [self](advise_atom, const std::string& stream, const clock_advice_ptr& advice) {
        self->state.cell->core->advise(stream, *advice, self->state.now_us());
        pump(self);
      },
      [self](report_atom, const report_promise& answer) { (*answer)(report_of(*self->state.cell->core)); },
      [self](drain_atom) {
        self->state.cell->core->drain(self->state.now_us());
        pump(self);
      },
      [self](timer_atom) {
        auto& at = self->state.timer_at;
        if (!at || self->state.now_us() + 500 < *at) return;  // an earlier timer took this one's place
        at.reset();
        self->state.cell->core->tick(self->state.now_us());
        pump(self);
      },
  };
}

}  // namespace weir

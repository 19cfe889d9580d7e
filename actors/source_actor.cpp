#include "actors/source_actor.hpp"

#include <spdlog/spdlog.h>

#include "runtime/fault/protocol_rules.hpp"
#include "runtime/time/timestamp.hpp"

namespace weir {

namespace {

using namespace std::chrono_literals;
using self_ptr = source_actor::stateful_pointer<source_actor_state>;

// A shard tells its sources when it runs; what lies between is for one whose queue is full.
constexpr std::chrono::microseconds attach_again = 50ms, attach_again_most = 1s;
constexpr auto attach_timeout = 5s;
constexpr std::int64_t before_cut_us = 2'500;  // what a chunk takes to come through ingest

void fail_source(self_ptr self, const error& why) {
  const auto& name = self->state.setup.spec.name;
  self->state.setup.board->update(name, [&](source_view& v) {
    v.state = "failed";
    v.last_error = why.text();
  });
  spdlog::warn("source failed source={} error=\"{}\"", name, why.text());
  self->quit(caf::sec::runtime_error);
}

// What a pull that hangs has for an answer: the same for every source, and never changed.
const pulled_ptr& hung_answer() {
  static const auto hung = std::make_shared<result<source_chunk>>(
      fail(errc::timeout, "the connector did not come back; its thread was given up"));
  return hung;
}

// A timer that was set for later is forgotten: when it fires, nothing is due.
void wake_in(self_ptr self, std::chrono::microseconds delay) {
  auto& at = self->state.timer_at;
  const auto wanted = self->clock().now() + delay;
  if (at && *at <= wanted) return;
  at = wanted;
  self->delayed_send(self, delay, timer_atom::value);
}

void pull(self_ptr self) {
  auto& s = self->state;
  if (s.pull_out || s.ended || s.attaching || s.ending || !s.from || s.on_the_way >= s.setup.credit) return;
  const auto left = s.rests_until_us - s.setup.context.now_us();
  if (left > 0 && left <= s.setup.commit_interval_us)  // else the clock was set back
    return wake_in(self, std::chrono::microseconds(left));
  s.ready = false;
  auto from = s.from;
  auto limits = s.setup.limits;
  auto answer = std::make_shared<result<source_chunk>>(fail(errc::internal, "the connector did not answer"));
  s.pull_out = answer;
  auto me = caf::actor_cast<caf::actor>(self);
  s.setup.pool->post({[from, limits, answer] {
                        try {
                          *answer = from->pull(limits);
                        } catch (const std::exception& e) {
                          *answer = fail(errc::internal, "the connector threw: {}", e.what());
                        }
                      },
                      [me, answer] { caf::anon_send(me, pulled_atom::value, answer); },
                      [me] { caf::anon_send(me, pulled_atom::value, hung_answer()); }});
}

void open_at(self_ptr self, const source_attachment& a) {
  auto& s = self->state;
  s.session = a.session;
  s.handed_over = s.uncommitted = 0;
  auto context = s.setup.context;
  context.wake = [me = caf::actor_cast<caf::actor_addr>(self)] {
    if (const auto to = caf::actor_cast<caf::actor>(me)) caf::anon_send(to, ready_atom::value);
  };
  auto made = make_connector(s.setup.spec, context);
  if (!made) return fail_source(self, made.error());
  if (auto opened = (*made)->open(a.position); !opened) return fail_source(self, opened.error());
  s.from = std::move(*made);
  s.setup.board->update(s.setup.spec.name, [&](source_view& v) {
    v.state = s.from->connected() ? "running" : "connecting";
    v.next_try_us = 0;
    v.position = a.position;
  });
  pull(self);
}

void attach(self_ptr self) {
  auto& s = self->state;
  s.from.reset();
  s.pull_out.reset();  // what the former connector still brings is not taken for the next one's
  s.attaching = true;
  s.on_the_way = 0;
  s.blocked_since_us = 0;
  const auto to = s.setup.shard();
  const auto again = [self] {
    auto& pause = self->state.attach_pause;
    pause = std::clamp(pause * 2, attach_again, attach_again_most);
    wake_in(self, pause);
  };
  if (!to) return again();
  s.asking = true;
  self->request(to, attach_timeout, attach_atom::value, s.setup.spec.name)
      .then(
          [self, again](const attachment_ptr& a) {
            self->state.asking = false;
            if (!a) return again();
            self->state.attaching = false;
            self->state.attach_pause = 0us;
            open_at(self, *a);
          },
          [self, again](const caf::error&) {
            self->state.asking = false;
            again();
          });
}

void note_rate(self_ptr self, std::uint64_t records, std::uint64_t bytes, const std::string& progress) {
  auto& s = self->state;
  const auto now = s.setup.context.now_us();
  const auto rate = s.rate.add(records, now);
  s.setup.board->update(s.setup.spec.name, [&](source_view& v) {
    v.records += records;
    v.bytes += bytes;
    if (records > 0) v.last_record_us = now;
    if (rate) v.rate = *rate;
    if (!progress.empty()) v.progress = progress;
    v.state = s.ended ? "ended" : s.from->connected() ? "running" : "connecting";
  });
}

void hand_over(self_ptr self, source_chunk chunk) {
  auto& s = self->state;
  note_rate(self, chunk.records.size(), chunk.records.byte_count(), chunk.progress);
  const auto me = caf::actor_cast<caf::actor>(self);
  auto offered = std::make_shared<offered_chunk>();
  offered->source = s.setup.spec.name;
  offered->session = s.session;
  offered->chunk = std::move(chunk);
  offered->accepted = [me](status taken) {
    if (taken)
      caf::anon_send(me, taken_atom::value);
    else
      caf::anon_send(me, refused_atom::value,
                     taken.error().code == errc::cancelled ? std::string() : taken.error().text());
  };
  ++s.handed_over;
  if (s.from->acknowledges()) {
    ++s.uncommitted;
    offered->committed = [me, session = s.session, number = s.handed_over] {
      caf::anon_send(me, committed_atom::value, session, number);
    };
  }
  if (++s.on_the_way == s.setup.credit) s.blocked_since_us = s.setup.context.now_us();
  if (const auto to = s.setup.shard())
    self->send(to, offer_atom::value, offered);
  else
    attach(self);
}

void taken(self_ptr self) {
  auto& s = self->state;
  if (s.on_the_way > 0) --s.on_the_way;
  if (const auto since = std::exchange(s.blocked_since_us, 0); since > 0) {
    const auto blocked = s.setup.context.now_us() - since;
    s.setup.board->update(s.setup.spec.name,
                          [&](source_view& v) { v.blocked_us += std::max<std::int64_t>(blocked, 0); });
  }
  pull(self);
}

void pulled(self_ptr self, const pulled_ptr& from_pool) {
  auto& s = self->state;
  const bool hung = from_pool == hung_answer();
  if (!s.pull_out || (from_pool != s.pull_out && !hung)) return;
  s.pull_out.reset();
  if (s.ending) return;
  auto answer = hung ? *from_pool : std::move(*from_pool);
  if (!answer) return fail_source(self, answer.error());
  const bool empty = answer->records.size() == 0 && answer->failures.empty() && !answer->moved;
  s.ended = answer->ended;
  if (empty && !answer->ended) {
    note_rate(self, 0, 0, answer->progress);
    if (s.ready) return pull(self);
    s.pause = std::min(std::max(s.pause * 2, answer->least_pause), answer->longest_pause);
    wake_in(self, s.pause);
    return;
  }
  s.pause = 0us;
  const bool took_all = answer->took_all;
  hand_over(self, std::move(*answer));
  if (!took_all) return pull(self);
  const auto now = s.setup.context.now_us();
  s.rests_until_us = next_pull_us(now, s.setup.commit_interval_us);
  wake_in(self, std::chrono::microseconds(s.rests_until_us - now));
}

// A commit of a former session says nothing about this connector's chunks: its numbers and the connection's packet
// identifiers begin anew.
void chunk_committed(self_ptr self, std::uint64_t session, std::uint64_t number) {
  auto& s = self->state;
  if (!s.from || (rule_on(26) && session != s.session)) return;
  s.from->committed(number);
  if (s.uncommitted > 0) --s.uncommitted;
  if (s.ending && s.uncommitted == 0) self->quit(caf::exit_reason::user_shutdown);
}

void end_after_commits(self_ptr self, const caf::exit_msg& m) {
  auto& s = self->state;
  const bool waits = s.from && s.from->acknowledges() && s.uncommitted > 0 && !s.attaching && !s.ending;
  if (!waits || m.reason == caf::exit_reason::kill) return self->quit(m.reason);
  s.ending = true;
  self->delayed_send(self, s.setup.patience, drain_atom::value);
}

}  // namespace

std::int64_t next_pull_us(std::int64_t now_us, std::int64_t commit_interval_us) {
  const auto step = commit_interval_us / 2;
  if (step < 2 * before_cut_us) return now_us;
  return floor_to(now_us + before_cut_us, step) + step - before_cut_us;
}

source_actor::behavior_type source_behavior(self_ptr self, source_setup setup) {
  self->state.setup = std::move(setup);
  self->set_exit_handler([self](const caf::exit_msg& m) { end_after_commits(self, m); });
  self->state.rate.add(0, self->state.setup.context.now_us());
  attach(self);
  return {
      [self](pulled_atom, const pulled_ptr& answer) { pulled(self, answer); },
      [self](taken_atom) { taken(self); },
      [self](refused_atom, const std::string& why) {
        if (self->state.ending) return self->quit(caf::exit_reason::user_shutdown);
        if (!why.empty()) return fail_source(self, {errc::rejected, why, {}});
        self->state.ended = false;
        if (!self->state.asking) attach(self);
      },
      [self](committed_atom, std::uint64_t session, std::uint64_t number) { chunk_committed(self, session, number); },
      [self](ready_atom) {
        self->state.ready = true;
        pull(self);
      },
      [self](drain_atom) { self->quit(caf::exit_reason::user_shutdown); },
      [self](timer_atom) {
        auto& at = self->state.timer_at;
        if (!at || self->clock().now() < *at) return;  // an earlier timer took this one's place
        at.reset();
        if (!self->state.attaching)
          pull(self);
        else if (!self->state.asking)
          attach(self);
      },
  };
}

}  // namespace weir

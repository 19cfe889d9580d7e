#include "actors/retry_sender.hpp"

#include "actors/node_descriptions.hpp"

namespace weir {

namespace {

using namespace std::chrono_literals;
using self_ptr = retry_sender_actor::stateful_pointer<retry_sender_state>;

constexpr auto attach_again = 20ms;
constexpr auto attach_timeout = 5s;

void answer(self_ptr self, status s) {
  auto& request = self->state.request;
  if (request.done) std::exchange(request.done, {})(std::move(s));
  self->quit();
}

tl::unexpected<error> unknown(std::string_view why) {
  return with_hint(fail(errc::unknown_outcome, "{} before the record's commit was certain", why),
                   "look among the stream's newest records whether it is there before you send it again");
}

void offer(self_ptr self, const source_attachment& a) {
  auto& s = self->state;
  const auto me = caf::actor_cast<caf::actor>(self);
  auto offered = std::make_shared<offered_chunk>();
  offered->source = s.request.source;
  offered->session = a.session;
  offered->chunk = s.request.chunk;
  offered->accepted = [me](status taken) {
    if (taken) return;
    const bool again = taken.error().code == errc::cancelled;
    caf::anon_send(me, refused_atom::value, again ? std::string() : taken.error().text());
  };
  offered->committed = [me] { caf::anon_send(me, taken_atom::value); };
  s.offered = true;
  self->send(s.to, offer_atom::value, offered);
}

void attach(self_ptr self) {
  auto& s = self->state;
  s.offered = false;
  s.to = s.request.shard();
  if (!s.to) return answer(self, fail(errc::unavailable, "the shard of source {} does not run now", s.request.source));
  self->monitor(s.to);
  const auto again = [self] { self->delayed_send(self, attach_again, timer_atom::value); };
  self->request(s.to, attach_timeout, attach_atom::value, s.request.source)
      .then([self, again](const attachment_ptr& a) { a ? offer(self, *a) : again(); },
            [again](const caf::error&) { again(); });
}

}  // namespace

retry_sender_actor::behavior_type retry_sender(self_ptr self, retry_request request) {
  self->state.request = std::move(request);
  self->set_down_handler([self](const caf::down_msg& down) {
    if (down.source != self->state.to.address()) return;
    answer(self, self->state.offered ? status(unknown("the shard stopped"))
                                     : status(fail(errc::unavailable, "the shard stopped; try again")));
  });
  self->delayed_send(self, self->state.request.patience, drain_atom::value);
  attach(self);
  return {
      [self](timer_atom) { attach(self); },
      [self](taken_atom) { answer(self, {}); },
      [self](refused_atom, const std::string& why) {
        if (!why.empty()) return answer(self, fail(errc::rejected, "ingest refused the record: {}", why));
        self->state.offered = false;
        self->delayed_send(self, attach_again, timer_atom::value);
      },
      [self](drain_atom) {
        answer(self, self->state.offered ? status(unknown("the time was over"))
                                         : status(fail(errc::timeout, "source {} could not be opened in time",
                                                       self->state.request.source)));
      },
  };
}

std::string retry_source_name(std::string_view stream) { return fmt::format("retry.{}", stream); }

result<std::vector<control_record>> add_retry_source(const control_plan& plan, std::string_view stream,
                                                     const control_limits& limits) {
  source_record r;
  r.name = retry_source_name(stream);
  r.stream = stream;
  r.connector = retry_connector;
  WEIR_TRY(added, add_sources(plan, {r}, limits));
  if (added.empty()) return added;
  const auto removed = plan.state.removed_sources.find(r.name);
  r.incarnation = removed == plan.state.removed_sources.end() ? 1 : removed->second + 1;
  r.state = run_state::paused;
  return std::vector<control_record>{to_record(r)};
}

}  // namespace weir

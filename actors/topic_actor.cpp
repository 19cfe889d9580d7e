#include "actors/topic_actor.hpp"

#include <spdlog/spdlog.h>

#include "actors/source/kafka/kafka_connector.hpp"
#include "cluster/topic_sources.hpp"

namespace weir {

struct topic_answer {
  result<topic_look> look = fail(errc::internal, "the look at the topic did not come back");
};

namespace {

using self_ptr = topic_actor::stateful_pointer<topic_state>;

void fail_topic(self_ptr self, const std::string& why) {
  const auto& name = self->state.setup.topic.name;
  self->state.setup.board->update(name, [&](source_view& v) {
    v.state = "failed";
    v.last_error = why;
  });
  spdlog::warn("source failed source={} error=\"{}\"", name, why);
  self->quit(caf::sec::runtime_error);
}

void look(self_ptr self) {
  const auto& s = self->state.setup;
  const auto plan = s.plan();
  const auto known = plan->state.sources.find(s.topic.name);
  const bool first = known == plan->state.sources.end() || opened_partitions(known->second) == 0;
  auto answer = std::make_shared<topic_answer>();
  self->state.answer = answer;
  const auto me = caf::actor_cast<topic_actor>(self);
  const source_spec spec{s.topic.name, s.topic.stream, s.topic.connector, s.topic.options};
  s.pool->post({[answer, spec, context = s.context, first] {
                  try {
                    answer->look = look_at_topic(spec, context, first);
                  } catch (const std::exception& e) {
                    answer->look = fail(errc::internal, "the look at the topic threw: {}", e.what());
                  }
                },
                [me] { caf::anon_send(me, taken_atom::value); },
                [me] { caf::anon_send(me, refused_atom::value, std::string("the look at the topic hangs")); }});
}

void looked(self_ptr self) {
  auto& s = self->state;
  if (!s.answer) return;
  const auto answer = std::exchange(s.answer, {});
  if (!answer->look) return fail_topic(self, answer->look.error().text());
  s.partitions = answer->look->partitions;
  const auto me = caf::actor_cast<topic_actor>(self);
  s.setup.command(
      [name = s.setup.topic.name, incarnation = s.setup.topic.incarnation, look = *answer->look,
       limits = s.setup.limits](const control_plan& plan) {
        return open_partitions(plan, name, incarnation, look.partitions, look.starts, limits);
      },
      [me](status opened) {
        if (opened)
          caf::anon_send(me, ready_atom::value);
        else
          caf::anon_send(me, refused_atom::value, opened.error().text());
      });
}

void opened(self_ptr self) {
  const auto& s = self->state;
  s.setup.board->update(s.setup.topic.name, [&](source_view& v) {
    v.state = "running";
    v.next_try_us = 0;
    v.progress = fmt::format("{} partitions", s.partitions);
  });
  self->delayed_send(self, s.setup.interval, timer_atom::value);
}

}  // namespace

topic_actor::behavior_type topic_behavior(self_ptr self, topic_setup setup) {
  self->state.setup = std::move(setup);
  look(self);
  return {
      [self](timer_atom) { look(self); },
      [self](taken_atom) { looked(self); },
      [self](refused_atom, const std::string& why) { fail_topic(self, why); },
      [self](ready_atom) { opened(self); },
  };
}

}  // namespace weir

// The actor of a source that is a whole external topic: asks for the topic's partitions now and then, and has those
// that are new opened as sources of their own (cluster/topic_sources.hpp).
//
// Lifecycle: started by the sources' supervisor in the place of a source's actor; ends with an error when the topic
// cannot be asked for or has fewer partitions than it had, and is then restarted after the back-off.
#pragma once

#include "actors/messages.hpp"
#include "actors/source_board.hpp"
#include "actors/worker_pool.hpp"

namespace weir {

struct topic_setup {
  source_record topic;
  connector_context context;
  std::chrono::milliseconds interval{30'000};  // between two looks
  control_limits limits;
  worker_pool* pool = nullptr;
  source_board* board = nullptr;
  std::function<plan_ptr()> plan;
  // node::command.
  std::function<void(std::function<result<std::vector<control_record>>(const control_plan&)>,
                     std::function<void(status)>)>
      command;
};

using topic_actor = caf::typed_actor<caf::reacts_to<timer_atom>,                 // look now
                                     caf::reacts_to<taken_atom>,                 // the look has come back
                                     caf::reacts_to<refused_atom, std::string>,  // ... or the command was refused
                                     caf::reacts_to<ready_atom>>;                // all partitions are open

struct topic_state {
  topic_setup setup;
  std::shared_ptr<struct topic_answer> answer;  // of the look that is out
  int partitions = 0;
  static inline const char* name = "topic";
};

topic_actor::behavior_type topic_behavior(topic_actor::stateful_pointer<topic_state> self, topic_setup setup);

}  // namespace weir

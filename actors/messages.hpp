// Every actor's interface, one line per message. All of them are local: nothing here crosses a process, so payloads are
// shared pointers and callbacks. The logic lies in plain classes (shard, connector, control_log, restart_plan).
#pragma once

#include <caf/all.hpp>

#include "actors/shard/shard.hpp"
#include "actors/source/connector.hpp"
#include "cluster/control_state.hpp"

namespace weir {

using plan_ptr = std::shared_ptr<const control_plan>;
using chunk_ptr = std::shared_ptr<offered_chunk>;
using attachment_ptr = std::shared_ptr<const source_attachment>;  // none: not now, ask again
using pulled_ptr = std::shared_ptr<result<source_chunk>>;
using command_ptr = std::shared_ptr<struct control_command>;
using child_ptr = std::shared_ptr<const struct child_spec>;
using clock_advice_ptr = std::shared_ptr<const clock_advice>;

// A command on the control log, and who waits for its answer.
struct control_command {
  std::function<result<std::vector<control_record>>(const control_plan&)> check;
  std::function<void(status)> done;
};

// A child of a supervisor: its name and how to start it.
struct child_spec {
  std::string name;
  std::function<caf::actor(caf::actor_system&)> start;
};

struct shard_report {
  bool running = false;
  bool drained = false;
  std::uint64_t commits = 0;
  std::size_t queue_bytes = 0;  // chunks that wait for ingest
  std::optional<error> held;    // why nothing is committed for now
  std::map<std::string, pipeline_status> pipelines;
  source_statuses sources;  // none before the first report
};
using report_promise = std::shared_ptr<std::function<void(shard_report)>>;

}  // namespace weir

CAF_BEGIN_TYPE_ID_BLOCK(weir, first_custom_type_id)
CAF_ADD_TYPE_ID(weir, (weir::plan_ptr))
CAF_ADD_TYPE_ID(weir, (weir::chunk_ptr))
CAF_ADD_TYPE_ID(weir, (weir::attachment_ptr))
CAF_ADD_TYPE_ID(weir, (weir::pulled_ptr))
CAF_ADD_TYPE_ID(weir, (weir::command_ptr))
CAF_ADD_TYPE_ID(weir, (weir::child_ptr))
CAF_ADD_TYPE_ID(weir, (weir::clock_advice_ptr))
CAF_ADD_TYPE_ID(weir, (weir::report_promise))
CAF_ADD_ATOM(weir, weir, plan_atom, "plan")
CAF_ADD_ATOM(weir, weir, offer_atom, "offer")
CAF_ADD_ATOM(weir, weir, attach_atom, "attach")
CAF_ADD_ATOM(weir, weir, wake_atom, "wake")
CAF_ADD_ATOM(weir, weir, grown_atom, "grown")
CAF_ADD_ATOM(weir, weir, advise_atom, "advise")
CAF_ADD_ATOM(weir, weir, timer_atom, "timer")
CAF_ADD_ATOM(weir, weir, report_atom, "report")
CAF_ADD_ATOM(weir, weir, drain_atom, "drain")
CAF_ADD_ATOM(weir, weir, pulled_atom, "pulled")
CAF_ADD_ATOM(weir, weir, taken_atom, "taken")
CAF_ADD_ATOM(weir, weir, refused_atom, "refused")
CAF_ADD_ATOM(weir, weir, command_atom, "command")
CAF_ADD_ATOM(weir, weir, add_atom, "add")
CAF_ADD_ATOM(weir, weir, restart_atom, "restart")
CAF_ADD_ATOM(weir, weir, remove_atom, "remove")
CAF_ADD_ATOM(weir, weir, committed_atom, "committed")
CAF_ADD_ATOM(weir, weir, ready_atom, "ready")
CAF_END_TYPE_ID_BLOCK(weir)

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::plan_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::chunk_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::attachment_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::pulled_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::command_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::child_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::clock_advice_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::report_promise)

namespace weir {

using shard_actor =
    caf::typed_actor<caf::reacts_to<plan_atom, plan_ptr>,    // a later control state
                     caf::reacts_to<offer_atom, chunk_ptr>,  // records of a source; answered by its callbacks
                     caf::replies_to<attach_atom, std::string>::with<attachment_ptr>,  // a source (re)starts
                     caf::reacts_to<wake_atom>,  // jobs have finished or hang: see the shard_cell
                     caf::reacts_to<grown_atom, std::string, std::int64_t>,  // a topic's partition of this shard has
                                                                             // more
                     caf::reacts_to<advise_atom, std::string, clock_advice_ptr>,  // what the stream's clock says
                     caf::reacts_to<report_atom, report_promise>,                 // how it is
                     caf::reacts_to<drain_atom>,   // commit what is accepted, take nothing more
                     caf::reacts_to<timer_atom>>;  // its own timer

using source_actor = caf::typed_actor<caf::reacts_to<pulled_atom, pulled_ptr>,    // a pull on the pool has come back
                                      caf::reacts_to<taken_atom>,                 // the shard has accepted a chunk
                                      caf::reacts_to<refused_atom, std::string>,  // ... or not: attach again
                                      // the chunk of that session and number is committed
                                      caf::reacts_to<committed_atom, std::uint64_t, std::uint64_t>,
                                      caf::reacts_to<ready_atom>,   // its connector has something to pull
                                      caf::reacts_to<drain_atom>,   // no longer wait for commits: end
                                      caf::reacts_to<timer_atom>>;  // its own timer

using control_actor =
    caf::typed_actor<caf::reacts_to<command_atom, command_ptr>,  // check, append, fold, tell everyone, answer
                     caf::reacts_to<wake_atom>,                  // something of the other nodes has changed
                     caf::reacts_to<timer_atom>>;                // its own timer

// Children are added at start or while running; a restart is the supervisor's own message to itself.
using supervisor_actor =
    caf::typed_actor<caf::reacts_to<add_atom, child_ptr>,        // start a child; one of the same name is ended first
                     caf::reacts_to<restart_atom, std::string>,  // its own timer: the back-off of a child is over
                     caf::reacts_to<remove_atom, std::string>>;  // stop a child for good

}  // namespace weir

// Sends one record through ingest as a new record of a stream's retry source: how dead letters come back.
//
// The source "retry.<stream>" stands in the control log with the connector "retry" and is paused there, so that nobody
// starts a connector for it: in ingest it is idle, returns with each record, and ends again with it, so that it never
// holds back a window.
//
// Lifecycle: one actor per record. It attaches to the shard (until the shard knows the source), offers the record, and
// answers when the commit stands, or why it does not; it ends with its answer, at the latest when the shard's actor
// ends or after `patience`.
#pragma once

#include "actors/messages.hpp"

namespace weir {

struct retry_request {
  std::string source;
  source_chunk chunk;
  std::function<shard_actor()> shard;  // of the source, at this moment
  std::chrono::milliseconds patience{20'000};
  // Called once. unknown_outcome: the record was handed over, and whether it was committed could not be learnt.
  std::function<void(status)> done;
};

using retry_sender_actor =
    caf::typed_actor<caf::reacts_to<timer_atom>,                 // attach again
                     caf::reacts_to<taken_atom>,                 // the record is committed
                     caf::reacts_to<refused_atom, std::string>,  // ... or was not accepted; empty: attach again
                     caf::reacts_to<drain_atom>>;                // its patience is over

struct retry_sender_state {
  retry_request request;
  shard_actor to;
  bool offered = false;
  static inline const char* name = "retry";
};

retry_sender_actor::behavior_type retry_sender(retry_sender_actor::stateful_pointer<retry_sender_state> self,
                                               retry_request request);

std::string retry_source_name(std::string_view stream);
// Adds the stream's retry source, when it is not there: the check of a control command.
result<std::vector<control_record>> add_retry_source(const control_plan& plan, std::string_view stream,
                                                     const control_limits& limits);

}  // namespace weir

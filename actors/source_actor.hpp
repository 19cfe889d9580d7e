// The actor around one connector: attaches to the shard that owns the source, opens the connector where ingest stands,
// and hands over what it pulls, with at most `credit` chunks on the way (back-pressure reaches the instrument here).
//
// Lifecycle: started by the sources' supervisor when the control log has the source running; ends with an error when
// the connector fails (restarted after the back-off), stays after the source's end to keep its state visible.
// Somebody at the other end may wait for commits (connector::acknowledges): they are told of by session and number of
// the chunk, and one of a former session acknowledges nothing (PROTOCOL 26). Asked to end, such a source still waits,
// for at most `patience`, for the commits of what it has handed over. Message order: a refusal may overtake chunks that
// are still out; they are refused as well, and the source attaches again, so nothing is lost or taken twice (PROTOCOL
// 6).
#pragma once

#include "actors/messages.hpp"
#include "actors/source_board.hpp"
#include "actors/worker_pool.hpp"

namespace weir {

struct source_setup {
  source_spec spec;
  connector_context context;
  pull_limits limits;
  int credit = 2;
  std::int64_t commit_interval_us = 0;  // of its shard; 0: not known
  std::chrono::milliseconds patience{2'000};
  std::function<shard_actor()> shard;  // of the source, at this moment
  worker_pool* pool = nullptr;
  source_board* board = nullptr;
};

struct source_actor_state {
  source_setup setup;
  std::shared_ptr<connector> from;
  std::uint64_t session = 0;
  int on_the_way = 0;                 // chunks handed over, not yet answered
  std::int64_t blocked_since_us = 0;  // as many as `credit` are; 0: it is not so
  std::uint64_t handed_over = 0;      // chunks of this session
  std::uint64_t uncommitted = 0;      // of them
  bool ready = false;                 // the connector has said that there is more
  bool ending = false;                // only commits are waited for
  pulled_ptr pull_out;                // what the pull on the pool will bring; none: no pull of this connector is out
  bool ended = false;
  bool attaching = false;
  bool asking = false;  // the shard has not yet answered the attempt to attach
  std::chrono::microseconds attach_pause{0};
  std::int64_t rests_until_us = 0;  // all that was there is taken, and no commit is near
  // One timer at a time: each fires one pull or one attempt to attach.
  std::optional<caf::actor_clock::time_point> timer_at;
  std::chrono::microseconds pause{0};  // how long to wait after an empty pull
  rate_meter rate;
  static inline const char* name = "source";
};

// When a source that took all there was asks again. Records wait for the next commit anyway (shard::next_cut_us): those
// that come meanwhile are taken together, twice in an interval, the second time so that they reach ingest before it
// cuts. At once where an interval is too short for that.
std::int64_t next_pull_us(std::int64_t now_us, std::int64_t commit_interval_us);

source_actor::behavior_type source_behavior(source_actor::stateful_pointer<source_actor_state> self,
                                            source_setup setup);

}  // namespace weir

// Decides what a node tells the control log of the others (PROTOCOL 19): that one is suspected, that one is gone, that
// itself lives. It only proposes; what stands in the control log decides, and the log's fences keep a wrong proposal
// from harming anything.
//
//   heartbeats stop for a lease                          ──> gone
//   its link breaks, and nobody listens there any more   ──> gone: a process that ends closes its sockets
//   its link breaks, and it cannot be reached again      ──> suspect ──(no alive for `suspicion_ms`)──> gone
//
// A plain class: used by one thread at a time.
#pragma once

#include <vector>

#include "cluster/control_state.hpp"
#include "cluster/lease_clock.hpp"

namespace weir {

struct detector_settings {
  std::string self;
  std::int64_t lease_ms = 2'000;
  std::int64_t suspicion_ms = 300;
};

class failure_detector {
 public:
  explicit failure_detector(detector_settings settings) : settings_(std::move(settings)), leases_(settings_.lease_ms) {}

  void heard(std::string_view node, std::uint64_t incarnation, std::int64_t appended_ms) {
    leases_.heard(node, incarnation, appended_ms);
  }
  bool was_heard(std::string_view node, std::uint64_t incarnation) const {
    return leases_.was_heard(node, incarnation);
  }
  // The link to that incarnation broke; `refused`: and nobody, or another, listens at its address now.
  void link_lost(std::string_view node, std::uint64_t incarnation, bool refused);
  void link_up(std::string_view node, std::uint64_t incarnation);

  // What to write now, as incarnation `own` of this node; nothing most of the time. `now_ms`: any clock that goes on.
  std::vector<control_record> propose(const control_state& state, std::uint64_t own, std::int64_t now_ms);
  // The same question about one other node: why it counts as gone; empty: it does not.
  std::string why_gone(const control_state& state, std::string_view name, std::int64_t now_ms);

 private:
  struct broken_link {
    std::uint64_t incarnation = 0;
    bool refused = false;
    std::optional<std::int64_t> from_offset;   // of the control log: a suspicion above it is about this break
    std::optional<std::int64_t> suspected_ms;  // when this node saw that suspicion stand
  };

  detector_settings settings_;
  lease_clock leases_;
  std::map<std::string, broken_link, std::less<>> broken_;
};

}  // namespace weir

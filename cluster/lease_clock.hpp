// Which nodes have been silent for longer than their lease, by the log's own time (PROTOCOL 20).
//
// Kafka's append times are a leader's clock without a floor: they may go back, and while a partition has no leader
// nobody's heartbeat gets in. So lease time moves by each heartbeat's distance to the one before it, never back and by
// at most `longest_step_ms`; a gap of more than `outage_ms` gives every node a whole lease anew. Read from the
// heartbeats alone: a node that was stopped itself sees no time go by.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace weir {

class lease_clock {
 public:
  static constexpr std::int64_t longest_step_ms = 500, outage_ms = 1'000;

  explicit lease_clock(std::int64_t lease_ms) : lease_ms_(lease_ms) {}

  // A heartbeat as it was appended.
  void heard(std::string_view node, std::uint64_t incarnation, std::int64_t appended_ms);
  // Lease time since that incarnation was heard; 0 the first time that one asks about it: its lease begins then.
  std::int64_t silence_ms(std::string_view node, std::uint64_t incarnation);
  bool expired(std::string_view node, std::uint64_t incarnation) { return silence_ms(node, incarnation) > lease_ms_; }
  // A heartbeat of that incarnation has come since this clock began.
  bool was_heard(std::string_view node, std::uint64_t incarnation) const;

 private:
  struct lease {
    std::uint64_t incarnation = 0;
    std::int64_t from_ms = 0;
    bool heard = false;
  };

  std::int64_t lease_ms_;
  std::int64_t now_ms_ = 0;
  std::optional<std::int64_t> last_appended_ms_;
  std::map<std::string, lease, std::less<>> leases_;
};

}  // namespace weir

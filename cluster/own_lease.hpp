// How long an owner may answer reads: by its own clock, until others could have counted it as gone (PROTOCOL 21).
#pragma once

#include <cstdint>
#include <optional>

#include "runtime/fault/protocol_rules.hpp"

namespace weir {

class own_lease {
 public:
  // What is left between the end of its own trust and the end that others see.
  static constexpr std::int64_t margin_ms = 500;

  explicit own_lease(std::int64_t lease_ms) : sure_for_ms_(lease_ms - margin_ms) {}

  // The brokers have a heartbeat that was sent then. Clocks go on while the process or the machine stands still.
  void acknowledged(std::int64_t sent_ms) { sent_ms_ = sent_ms; }
  bool is_sure(std::int64_t now_ms) const { return !rule_on(21) || (sent_ms_ && now_ms - *sent_ms_ < sure_for_ms_); }

 private:
  std::int64_t sure_for_ms_;
  std::optional<std::int64_t> sent_ms_;
};

}  // namespace weir

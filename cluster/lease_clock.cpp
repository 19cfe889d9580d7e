#include "cluster/lease_clock.hpp"

#include <algorithm>

#include "runtime/fault/protocol_rules.hpp"

namespace weir {

void lease_clock::heard(std::string_view node, std::uint64_t incarnation, std::int64_t appended_ms) {
  const auto step = appended_ms - last_appended_ms_.value_or(appended_ms);
  last_appended_ms_ = appended_ms;
  now_ms_ += rule_on(20) ? std::clamp<std::int64_t>(step, 0, longest_step_ms) : step;
  if (step > outage_ms && rule_on(20))
    for (auto& [name, one] : leases_) one.from_ms = now_ms_;
  auto& of = leases_[std::string(node)];
  if (incarnation >= of.incarnation) of = {incarnation, now_ms_, true};
}

std::int64_t lease_clock::silence_ms(std::string_view node, std::uint64_t incarnation) {
  auto& of = leases_[std::string(node)];
  if (of.incarnation < incarnation) of = {incarnation, now_ms_, false};
  return now_ms_ - of.from_ms;
}

bool lease_clock::was_heard(std::string_view node, std::uint64_t incarnation) const {
  const auto it = leases_.find(node);
  return it != leases_.end() && it->second.incarnation == incarnation && it->second.heard;
}

}  // namespace weir

#include "cluster/failure_detector.hpp"

namespace weir {

void failure_detector::link_lost(std::string_view node, std::uint64_t incarnation, bool refused) {
  auto& of = broken_[std::string(node)];
  if (of.incarnation != incarnation) of = {incarnation, false, {}, {}};
  of.refused |= refused;
}

void failure_detector::link_up(std::string_view node, std::uint64_t incarnation) {
  const auto it = broken_.find(node);
  if (it != broken_.end() && it->second.incarnation <= incarnation) broken_.erase(it);
}

std::string failure_detector::why_gone(const control_state& state, std::string_view name, std::int64_t now_ms) {
  const auto& m = state.members.find(name)->second;
  const auto incarnation = m.join.incarnation;
  if (leases_.expired(name, incarnation)) return fmt::format("no heartbeat for {} ms", settings_.lease_ms);
  const auto it = broken_.find(name);
  if (it == broken_.end() || it->second.incarnation != incarnation) return {};
  auto& link = it->second;
  if (link.refused) return "its link broke and nobody listens there any more";
  if (!link.from_offset) link.from_offset = state.offset;
  if (!m.is_suspected() || m.suspicion.offset <= *link.from_offset) {
    link.suspected_ms.reset();
    return {};
  }
  if (!link.suspected_ms) link.suspected_ms = now_ms;
  if (now_ms - *link.suspected_ms < settings_.suspicion_ms) return {};
  return fmt::format("its link broke and it did not answer for {} ms", settings_.suspicion_ms);
}

std::vector<control_record> failure_detector::propose(const control_state& state, std::uint64_t own,
                                                      std::int64_t now_ms) {
  std::vector<control_record> out;
  const auto placed = place(state);
  for (const auto& [name, m] : state.members) {
    if (m.is_gone()) continue;
    if (name == settings_.self) {
      if (m.join.incarnation == own && m.is_suspected()) out.push_back(alive_sign(name, own));
      continue;
    }
    if (const auto why = why_gone(state, name, now_ms); !why.empty()) {
      out.push_back(to_record(name, node_end{m.join.incarnation, state.offset, false, placed.owner == name}));
      continue;
    }
    const auto link = broken_.find(name);
    const bool unreachable = link != broken_.end() && link->second.incarnation == m.join.incarnation;
    // Once for each break: where an `alive` answers, the link alone is broken, and heartbeats decide.
    const bool told =
        unreachable && m.suspicion.incarnation == m.join.incarnation && m.suspicion.offset > *link->second.from_offset;
    if (unreachable && !told) out.push_back(suspicion_of(name, m.join.incarnation));
  }
  return out;
}

}  // namespace weir

#include "cluster/members.hpp"

#include <algorithm>

#include "cluster/record_json.hpp"
#include "runtime/fault/protocol_rules.hpp"

namespace weir {

bool member::is_gone() const {
  if (join.incarnation == 0 || end.incarnation != join.incarnation) return join.incarnation == 0;
  const bool lives = alive.incarnation == join.incarnation && alive.offset > end.seen_offset;
  return !(lives && rule_on(19));
}

bool member::is_suspected() const {
  return suspicion.incarnation == join.incarnation && suspicion.offset > alive.offset;
}

control_record to_record(std::string_view name, const node_join& r) {
  return {fmt::format("node/{}", name), dump({{"incarnation", r.incarnation}, {"url", r.url}, {"link", r.link}})};
}

control_record suspicion_of(std::string_view name, std::uint64_t incarnation) {
  return {fmt::format("suspect/{}", name), dump({{"incarnation", incarnation}})};
}

control_record alive_sign(std::string_view name, std::uint64_t incarnation) {
  return {fmt::format("alive/{}", name), dump({{"incarnation", incarnation}})};
}

control_record to_record(std::string_view name, const node_end& r) {
  return {
      fmt::format("gone/{}", name),
      dump({{"incarnation", r.incarnation}, {"seen_offset", r.seen_offset}, {"clean", r.clean}, {"owned", r.owned}})};
}

bool is_member_kind(std::string_view kind) {
  return kind == "node" || kind == "suspect" || kind == "alive" || kind == "gone";
}

bool fold_member(member_map& members, std::string_view kind, std::string_view name, const log_entry& entry) {
  member changed;
  if (const auto it = members.find(name); it != members.end()) changed = it->second;
  node_join join;
  node_sign sign;
  node_end end;
  if (entry.value) {
    record_reader in(entry.value);
    const auto incarnation = in.number("incarnation");
    if (kind == "node") {
      join = {incarnation, in.text("url"), in.text("link")};
    } else if (kind == "gone") {
      end = {incarnation, in.whole("seen_offset"), in.flag("clean"), in.flag("owned")};
    } else {
      sign = {incarnation, entry.offset};
    }
    if (!in.ok()) return false;
  }
  if (kind == "node") changed.join = std::move(join);
  if (kind == "gone") changed.end = end;
  if (kind == "suspect") changed.suspicion = sign;
  if (kind == "alive") changed.alive = sign;
  if (changed == member{}) {
    if (const auto it = members.find(name); it != members.end()) members.erase(it);
  } else {
    members.insert_or_assign(std::string(name), std::move(changed));
  }
  return true;
}

placement place(const control_state& state) {
  std::vector<std::pair<std::uint64_t, std::string_view>> there;
  for (const auto& [name, m] : state.members)
    if (!m.is_gone()) there.emplace_back(m.join.incarnation, name);
  std::ranges::sort(there);
  placement out;
  for (const auto& [incarnation, name] : there) {
    if (out.incarnation == 0) {
      out.owner = name;
      out.incarnation = incarnation;
    } else {
      out.standbys.emplace_back(name);
    }
  }
  return out;
}

std::vector<control_record> join_records(const control_state& state, std::string_view name, node_join& join) {
  std::uint64_t last = 0;
  for (const auto& [other, m] : state.members) last = std::max({last, m.join.incarnation, m.end.incarnation});
  join.incarnation = last + 1;
  std::vector<control_record> out;
  const auto before = state.members.find(name);
  if (before != state.members.end() && !before->second.is_gone()) {
    const auto earlier = before->second.join.incarnation;
    out.push_back(to_record(name, node_end{earlier, state.offset, false, place(state).owner == name}));
  }
  out.push_back(to_record(name, join));
  return out;
}

bool predecessor_left_cleanly(const control_state& state) {
  const node_end* last = nullptr;
  for (const auto& [name, m] : state.members)
    if (m.end.owned && (last == nullptr || m.end.seen_offset > last->seen_offset)) last = &m.end;
  return last == nullptr || last->clean;
}

}  // namespace weir

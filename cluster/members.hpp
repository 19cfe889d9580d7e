// The nodes of a deployment as the control log tells them (DESIGN §6, PROTOCOL 19), and who owns the shards.
//
//   node/<name>     a process has joined: its incarnation and where it is reached
//   suspect/<name>  another node cannot reach that incarnation
//   alive/<name>    ... which answers that it lives
//   gone/<name>     that incarnation is no more; void if an `alive` of it stands above what the writer had seen
//
// Each kind has keys of its own, so compaction keeps the last of each and the same state comes out. Incarnations are
// numbers of the whole deployment: each join takes the next one, whatever its node's name, so they also tell who joined
// first. A node that joins again under its name ends its earlier incarnation with that.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

struct control_state;
struct control_record;
struct log_entry;

struct node_join {
  std::uint64_t incarnation = 0;
  std::string url;   // of its gateway; empty while it starts
  std::string link;  // host:port where others notice its end (actors/net/peer_link)

  bool operator==(const node_join&) const = default;
};

struct node_sign {  // a suspicion, or a sign of life
  std::uint64_t incarnation = 0;
  std::int64_t offset = -1;  // in the control log

  bool operator==(const node_sign&) const = default;
};

struct node_end {
  std::uint64_t incarnation = 0;
  std::int64_t seen_offset = -1;  // how far its writer had folded the control log
  bool clean = false;             // it left by itself, with everything committed
  bool owned = false;             // it was the owner

  bool operator==(const node_end&) const = default;
};

struct member {
  node_join join;
  node_sign suspicion, alive;
  node_end end;

  bool operator==(const member&) const = default;
  bool is_gone() const;
  bool is_suspected() const;
};

using member_map = std::map<std::string, member, std::less<>>;

control_record to_record(std::string_view name, const node_join& r);
control_record suspicion_of(std::string_view name, std::uint64_t incarnation);
control_record alive_sign(std::string_view name, std::uint64_t incarnation);
control_record to_record(std::string_view name, const node_end& r);

bool is_member_kind(std::string_view kind);
// For fold_control: false when the value is no record of its kind.
bool fold_member(member_map& members, std::string_view kind, std::string_view name, const log_entry& entry);

// Who does what; a pure function of the folded state.
struct placement {
  std::string owner;  // of every shard; empty: no node is there
  std::uint64_t incarnation = 0;
  std::vector<std::string> standbys;  // who takes over next comes first

  bool operator==(const placement&) const = default;
};

// All shards lie on the node that has been there longest; the others stand by, in the order of their joining. So a node
// that joins moves nothing, and one that goes moves only what it had. Shards of one deployment share a process as long
// as what they tell each other (clocks, wakes, tables for queries) does.
placement place(const control_state& state);

// The records of a join under `name`: the next incarnation, and the end of an earlier one that did not leave.
std::vector<control_record> join_records(const control_state& state, std::string_view name, node_join& join);

// Whether the last owner before the present one committed all it had taken; true when there was none.
bool predecessor_left_cleanly(const control_state& state);

}  // namespace weir

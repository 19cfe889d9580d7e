// What the shards of a node last said of themselves, folded into one picture.
#pragma once

#include "actors/node.hpp"

namespace weir {

struct pipeline_summary {
  std::string state;  // starting, running, careful, restarting, dropping, quarantined, standby: the worst of all shards
  std::string error;  // of the shard in the worst state, with its number
  std::uint64_t records = 0, behind = 0, restarts = 0, state_bytes = 0, queue_bytes = 0;
};

struct node_summary {
  std::int64_t now_us = 0;
  bool standby = false;  // another node owns the shards
  plan_ptr plan;
  std::vector<node::shard_snapshot> shards;
  std::map<std::string, pipeline_summary> pipelines;         // every pipeline of the plan
  std::map<std::string_view, const source_status*> sources;  // as ingest sees them; owned by `shards`
  std::map<std::string, std::int64_t> view_watermarks_us;    // least over shards; no_watermark: not known of all
  std::map<std::string, source_view> board;                  // as their actors see them

  // running, opening, failed, standby, hung (nothing was heard of it for `silent_us`).
  std::string shard_state(std::size_t shard, std::int64_t silent_us) const;
};

node_summary summarize(const node& n);

// After how long a silent shard counts as hung.
std::int64_t silent_after_us(const config& c);

}  // namespace weir

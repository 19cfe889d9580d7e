#include "actors/node_summary.hpp"

#include <algorithm>
#include <array>

namespace weir {

namespace {

constexpr std::int64_t least_silence_us = 5'000'000;

int badness(std::string_view state) {
  constexpr std::array<std::string_view, 6> order{"running",    "careful",  "starting",
                                                  "restarting", "dropping", "quarantined"};
  return static_cast<int>(std::ranges::find(order, state) - order.begin());
}

void add(pipeline_summary& to, int shard, const pipeline_status& s) {
  to.records += s.records;
  to.behind += s.behind;
  to.restarts += s.restarts;
  to.state_bytes += s.state_bytes;
  to.queue_bytes += s.queue_bytes;
  if (!to.state.empty() && badness(s.state) <= badness(to.state)) return;
  to.state = s.state;
  to.error = s.error.empty() ? std::string() : fmt::format("shard {}: {}", shard, s.error);
}

pipeline_summary summary_of(const pipeline_record& record, const std::vector<node::shard_snapshot>& shards) {
  pipeline_summary out;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    const auto& in_shard = shards[i].report.pipelines;
    const auto it = in_shard.find(record.name);
    add(out, static_cast<int>(i),
        it == in_shard.end() ? pipeline_status{"starting", {}, 0, 0, 0, 0, 0, {}} : it->second);
  }
  if (record.state == run_state::quarantined && out.state != "quarantined") out.state = "quarantined";
  if (out.state == "quarantined" && !record.error.empty()) out.error = record.error;
  return out;
}

void add_watermarks(node_summary& to, const planned_pipeline& p) {
  for (const auto& view : p.views) {
    auto least = std::numeric_limits<std::int64_t>::max();
    for (const auto& s : to.shards) {
      const auto it = s.report.pipelines.find(p.record.name);
      const auto* clocks = it == s.report.pipelines.end() ? nullptr : &it->second.view_clocks;
      const auto clock = clocks == nullptr ? decltype(clocks->end()){} : clocks->find(view.name);
      const bool known = clocks != nullptr && clock != clocks->end();
      least = std::min(least, known ? clock->second.watermark_us : no_watermark);
    }
    to.view_watermarks_us[view.name] = to.shards.empty() ? no_watermark : least;
  }
}

}  // namespace

std::int64_t silent_after_us(const config& c) {
  return std::max(10 * c.supervision.watch_interval_us, least_silence_us);
}

std::string node_summary::shard_state(std::size_t shard, std::int64_t silent_us) const {
  const auto& s = shards[shard];
  if (standby) return "standby";
  if (s.health.running && s.taken_us != 0 && now_us - s.taken_us > silent_us) return "hung";
  if (s.health.running) return "running";
  return s.health.failures > 0 ? "failed" : "opening";
}

node_summary summarize(const node& n) {
  node_summary out;
  out.now_us = wall_clock_us();
  out.plan = n.plan();
  out.standby = !n.owns_shards();
  out.shards = n.shards();
  out.board = n.sources().all();
  for (const auto& [name, p] : out.plan->pipelines) {
    out.pipelines[name] = summary_of(p.record, out.shards);
    if (out.standby && out.pipelines[name].state == "starting") out.pipelines[name].state = "standby";
    add_watermarks(out, p);
  }
  for (const auto& s : out.shards) {
    if (!s.report.sources) continue;
    for (const auto& [name, seen] : *s.report.sources)
      if (out.plan->state.sources.contains(name)) out.sources[name] = &seen;
  }
  return out;
}

}  // namespace weir

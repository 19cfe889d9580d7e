#include "actors/node_health.hpp"

#include <fmt/ranges.h>

namespace weir {

namespace {

constexpr std::int64_t down_for_long_us = 60'000'000;
constexpr std::size_t named_at_most = 5;  // in one check's text

std::string listed(const std::vector<std::string>& problems) {
  if (problems.empty()) return "ok";
  const auto shown = std::min(problems.size(), named_at_most);
  auto out =
      fmt::format("{}", fmt::join(problems.begin(), problems.begin() + static_cast<std::ptrdiff_t>(shown), "; "));
  if (shown < problems.size()) out += fmt::format("; and {} more", problems.size() - shown);
  return out;
}

// "ok, ..." says more about what is well.
bool is_well(std::string_view what) { return what == "ok" || what.starts_with("ok, "); }

health verdict(std::vector<std::pair<std::string, std::string>> checks) {
  health out{true, std::move(checks)};
  for (const auto& [name, what] : out.checks) out.ok = out.ok && is_well(what);
  return out;
}

std::string node_check(const node& n) {
  return n.alive() ? "ok" : "the node has given up; its process must be started anew";
}

std::string cluster_check(const node& n) {
  const auto seen = n.cluster();
  if (!seen.shared) return "ok";
  if (seen.owner) return seen.lease_is_sure ? "ok" : "its heartbeats are not acknowledged, so it answers no reads";
  std::int64_t behind_us = 0;
  for (std::size_t i = 0; i < seen.standby.size(); ++i) {
    const auto& s = seen.standby[i];
    if (!s.problem.empty()) return fmt::format("shard {} cannot be followed: {}", i, s.problem);
    if (!s.follows) return fmt::format("shard {} is being copied", i);
    behind_us = std::max(behind_us, wall_clock_us() - s.at_end_us);
  }
  return fmt::format("ok, stands by for {}, {} ms behind", seen.owner_name.empty() ? "nobody" : seen.owner_name,
                     behind_us / 1'000);
}

}  // namespace

health node_health::live() {
  const auto s = summarize(node_);
  std::vector<std::string> problems;
  std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < s.shards.size(); ++i) {
    const auto state = s.shard_state(i, silent_after_us(node_.settings()));
    if (state == "standby") continue;
    if (state == "hung") problems.push_back(fmt::format("shard {} does not answer", i));
    // A new process could not do better than one that waits for its log.
    if (state == "running" || state == "hung" || s.shards[i].report.held) {
      down_since_us_.erase(i);
      continue;
    }
    const auto since = down_since_us_.try_emplace(i, s.now_us).first->second;
    if (s.now_us - since > down_for_long_us)
      problems.push_back(fmt::format("shard {} is {} for {} s: {}", i, state, (s.now_us - since) / 1'000'000,
                                     s.shards[i].health.last_error));
  }
  return verdict({{"node", node_check(node_)}, {"shards", listed(problems)}});
}

health node_health::ready() const {
  const auto s = summarize(node_);
  std::vector<std::string> shards, pipelines, sources, disk, log;
  for (std::size_t i = 0; i < s.shards.size() && !s.standby; ++i) {
    const auto state = s.shard_state(i, silent_after_us(node_.settings()));
    const auto& why = s.shards[i].health.last_error;
    const auto& held = s.shards[i].report.held;
    if (held)
      (held->code == errc::no_space ? disk : log)
          .push_back(fmt::format("shard {} waits, and with it its sources: {}", i, held->text()));
    if (state != "running") shards.push_back(fmt::format("shard {} is {}{}{}", i, state, why.empty() ? "" : ": ", why));
  }
  for (const auto& [name, p] : s.pipelines)
    if (p.state == "quarantined" || p.state == "starting")
      pipelines.push_back(fmt::format("{} is {}{}{}", name, p.state, p.error.empty() ? "" : ": ", p.error));
  for (const auto& [name, v] : s.board)
    if (v.state == "failed") sources.push_back(fmt::format("{} has failed: {}", name, v.last_error));
  return verdict({{"node", node_check(node_)},
                  {"shards", listed(shards)},
                  {"pipelines", listed(pipelines)},
                  {"sources", listed(sources)},
                  {"disk", listed(disk)},
                  {"log", listed(log)},
                  {"cluster", cluster_check(node_)}});
}

}  // namespace weir

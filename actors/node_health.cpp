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

health verdict(std::vector<std::pair<std::string, std::string>> checks) {
  health out{true, std::move(checks)};
  for (const auto& [name, what] : out.checks) out.ok = out.ok && what == "ok";
  return out;
}

std::string node_check(const node& n) {
  return n.alive() ? "ok" : "the node has given up; its process must be started anew";
}

}  // namespace

health node_health::live() {
  const auto s = summarize(node_);
  std::vector<std::string> problems;
  std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < s.shards.size(); ++i) {
    const auto state = s.shard_state(i, silent_after_us(node_.settings()));
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
  for (std::size_t i = 0; i < s.shards.size(); ++i) {
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
                  {"log", listed(log)}});
}

}  // namespace weir

#include "tests/sql_cases/case_runner.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

#include "cluster/topic_names.hpp"
#include "runtime/fault/fault_points.hpp"
#include "runtime/log/sim_log.hpp"
#include "tests/support/temp_folder.hpp"

namespace weir::testing {
namespace {

constexpr int shard_counts[] = {1, 4, 7};
constexpr std::uint64_t killed_seeds = 6;
constexpr int kills_per_run = 2;
constexpr std::size_t steps_max = 500'000;

using texts = std::vector<std::string>;

std::size_t count_of(const std::map<std::string, std::size_t>& counts, const std::string& name) {
  const auto found = counts.find(name);
  return found == counts.end() ? 0 : found->second;
}

void add_count(texts& out, const char* what, const std::string& name, std::size_t count) {
  if (count != 0) out.push_back(fmt::format("{} of {}: {}", what, name, count));
}

texts expected_of(const sql_case& c, const control_plan& plan) {
  texts out;
  for (const auto& [view, rows] : c.rows)
    for (const auto& row : rows) out.push_back(view + " " + row);
  for (const auto& [name, stream] : plan.names.streams) add_count(out, "dead letters", name, count_of(c.dead, name));
  for (const auto& [name, view] : plan.names.views) {
    add_count(out, "late records", name, count_of(c.late, name));
    add_count(out, "refused rows", name, count_of(c.refused, name));
  }
  std::ranges::sort(out);
  return out;
}

texts answers_of(const sql_case& c, event_log& log, const control_plan& plan, int shards) {
  texts out;
  for (const auto& [view, rows] : c.rows)
    for (const auto& row : final_rows(log, "weir", plan.names.views.at(view), shards)) out.push_back(view + " " + row);
  const auto entries = [&](const std::string& name) { return topic_values(log, name, shards).size(); };
  for (const auto& [name, stream] : plan.names.streams)
    add_count(out, "dead letters", name, entries(topic::dead("weir", name)));
  for (const auto& [name, view] : plan.names.views) {
    add_count(out, "late records", name,
              view.window.kind == window_kind::none ? 0 : entries(topic::late("weir", name)));
    add_count(out, "refused rows", name, entries(topic::refused("weir", name)));
  }
  std::ranges::sort(out);
  return out;
}

// Ends the node at a random point of its way, at one of the first passages: with chunks of few records, at any record.
void arm_kill(std::mt19937_64& random, int& kills) {
  const auto point = kill_points[random() % kill_points.size()];
  auto left = std::make_shared<std::size_t>(1 + random() % 6);
  set_kill_hook([point, left, &kills](std::string_view at) {
    if (at != point || --*left > 0) return;
    ++kills;
    set_kill_hook({});
    throw simulated_kill{std::string(at)};
  });
}

struct outcome {
  texts expected, answers;
  std::string trouble;  // why the run itself went wrong, with the node as it stood
  int kills = 0;
};

outcome run_case(const sql_case& c, int shards, std::uint64_t seed, int kills_wanted) {
  std::mt19937_64 random(seed);
  temp_folder folder;
  sim_log log;
  outcome out;
  for (std::uint64_t start = 0;; ++start) {
    sim_node_options o;
    o.shards = shards;
    o.seed = seed * 1'000'003 + start;
    o.chunk_records = 1 + random() % 4;
    try {
      sim_node node(log, folder.path("state"), o, {{"case", c.sql}}, c.sources);
      if (kills_wanted-- > 0) arm_kill(random, out.kills);
      const bool rested = node.run_to_rest(steps_max);
      set_kill_hook({});
      for (const auto& why : node.quarantined) out.trouble += "quarantined: " + why + "\n";
      for (const auto& why : node.failed_shards) out.trouble += "shard failed: " + why + "\n";
      for (const auto& why : node.restarted) out.trouble += "restarted: " + why + "\n";
      if (!rested) out.trouble += "it did not come to rest\n";
      if (!out.trouble.empty()) out.trouble += node.describe();
      out.expected = expected_of(c, *node.control().plan());
      out.answers = answers_of(c, log, *node.control().plan(), shards);
      return out;
    } catch (const simulated_kill&) {
    }
  }
}

void compare(const outcome& o) {
  CHECK(o.trouble == "");
  texts missing, extra;
  std::ranges::set_difference(o.expected, o.answers, std::back_inserter(missing));
  std::ranges::set_difference(o.answers, o.expected, std::back_inserter(extra));
  CHECK(missing == texts{});
  CHECK(extra == texts{});
}

}  // namespace

std::string stream_s(const std::string& lateness) {
  return fmt::format(R"(
CREATE TABLE s (at bigint NOT NULL, k text, n bigint, x double precision, b boolean, d timestamptz, j json)
  WITH (format = 'json', event_time = 'at', event_time_unit = 's', lateness = '{}');
)",
                     lateness);
}

scripted_source from(const std::string& name, std::vector<std::string> records) {
  scripted_source out;
  out.name = name;
  out.stream = "s";
  out.records = std::move(records);
  return out;
}

void check_case(const sql_case& c) {
  for (const int shards : shard_counts) {
    INFO(shards << " shards, straight");
    compare(run_case(c, shards, 1, 0));
  }
  int kills = 0;
  for (std::uint64_t seed = 1; seed <= killed_seeds; ++seed) {
    const int shards = shard_counts[seed % std::size(shard_counts)];
    INFO(shards << " shards, killed, seed " << seed);
    const auto o = run_case(c, shards, seed, kills_per_run);
    compare(o);
    kills += o.kills;
  }
  CHECK(kills > 0);
}

}  // namespace weir::testing

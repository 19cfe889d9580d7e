// A small node for tests of single rules, and the search for a seed that shows a wrong answer.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>
#include <vector>

#include "tests/sim/rule_check.hpp"
#include "tests/sim/simulation.hpp"
#include "tests/support/temp_folder.hpp"

namespace weir {

// The first seed whose committed output is wrong, and how; empty: none.
inline std::string first_wrong(std::uint64_t seeds, const sim::life_options& options = {}) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed)
    if (const auto problem = sim::live(seed, options).problem; !problem.empty())
      return fmt::format("seed {}: {}", seed, problem);
  return {};
}

inline void seeds_show(int rule, std::uint64_t seeds, const sim::life_options& options = {}) {
  holds_only_with(rule, [&] { return first_wrong(seeds, options); });
}

inline const char* const small_sql = R"(
CREATE TABLE readings (at timestamptz NOT NULL, sensor text NOT NULL, value double precision)
  WITH (format = 'json', event_time = 'at');
CREATE MATERIALIZED VIEW counts AS
  SELECT window_start, sensor, count(*) AS n FROM tumble(readings, interval '5 seconds') GROUP BY window_start, sensor;
CREATE MATERIALIZED VIEW plain AS SELECT sensor, value FROM readings;
)";

inline std::string record(int second, const char* sensor, const char* value = "1") {
  return fmt::format(R"({{"at":"2020-01-01T00:00:{:02}Z","sensor":"{}","value":{}}})", second, sensor, value);
}

inline scripted_source instrument(std::string name, std::vector<std::string> records, bool ends = true) {
  scripted_source s;
  s.name = std::move(name);
  s.stream = "readings";
  s.records = std::move(records);
  s.ends = ends;
  return s;
}

// A node with the pipeline p, on a log that stays after it.
struct bench {
  explicit bench(std::vector<scripted_source> sources, int shards = 1, const char* sql = small_sql,
                 sim_log_options log_options = {}, std::int64_t commit_interval_us = 5'000)
      : log(std::move(log_options)) {
    sim_node_options o;
    o.shards = shards;
    o.chunk_records = 4;
    o.shard.commit_interval_min_us = o.shard.commit_interval_max_us = commit_interval_us;
    node.emplace(log, folder.path("state"), o, std::map<std::string, std::string>{{"p", sql}}, std::move(sources));
  }
  std::vector<std::string> rows(const char* view) {
    return final_rows(log, "weir", node->control().plan()->names.views.at(view), static_cast<int>(shards()));
  }
  std::size_t shards() { return static_cast<std::size_t>(node->control().state()->deployment.shards); }

  temp_folder folder;
  sim_log log;
  std::optional<sim_node> node;
};

}  // namespace weir

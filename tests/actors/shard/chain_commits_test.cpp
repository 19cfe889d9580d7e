// What a chain of views costs in commits.
#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "actors/shard/task_node.hpp"
#include "cluster/topic_names.hpp"
#include "runtime/log/sim_log.hpp"
#include "tests/support/sim_node.hpp"
#include "tests/support/temp_folder.hpp"

using namespace weir;

namespace {

const char* const chain_sql = R"(
CREATE TABLE readings (id bigint NOT NULL, at timestamptz NOT NULL) WITH (format = 'json', event_time = 'at');
CREATE MATERIALIZED VIEW a AS SELECT at, id FROM readings WHERE id >= 0;
CREATE MATERIALIZED VIEW b AS SELECT at, id + 1 AS id FROM a;
CREATE MATERIALIZED VIEW c AS SELECT id * 2 AS id FROM b;
CREATE MATERIALIZED VIEW w AS SELECT window_start, id % 3 AS k, count(*) AS n
  FROM tumble(b, interval '10 seconds') GROUP BY window_start, id % 3;
CREATE MATERIALIZED VIEW x AS SELECT window_start, k, n FROM w WHERE n > 0;
CREATE MATERIALIZED VIEW y AS SELECT window_start, count(*) AS groups
  FROM tumble(x, interval '10 seconds') GROUP BY window_start;
CREATE MATERIALIZED VIEW z AS SELECT groups FROM y;
)";

// By topic: the commits that held rows, or partial groups, of it.
std::map<std::string, std::set<int>> commits_of_chain() {
  temp_folder folder;
  sim_log log;
  std::map<std::string, std::set<int>> out;
  int commits = 0;
  sim_faults watching;
  watching.on_commit = [&](std::string_view, std::span<const log_append> batch) {
    ++commits;
    for (const auto& entry : batch) {
      const auto is = [&](char kind) { return !entry.header.empty() && entry.header.front() == kind; };
      const bool partial = entry.topic.find(".shuffle.") != std::string_view::npos && is(entry_partial);
      const bool row = entry.topic.find(".view.") != std::string_view::npos && !is(entry_clock);
      if (partial || row) out[std::string(entry.topic)].insert(commits);
    }
    return sim_outcome::applied;
  };
  log.set_faults(watching);
  scripted_source source{"s", "readings"};
  for (int i = 0; i < 6; ++i)
    source.records.push_back(fmt::format(R"({{"id":{},"at":"2020-01-01T00:00:0{}Z"}})", i, i));
  sim_node_options o;
  o.chunk_records = 1'000;
  sim_node node(log, folder.path("state"), o, {{"p", chain_sql}}, {source});
  REQUIRE(node.run_to_rest());
  CHECK(node.quarantined.empty());
  return out;
}

}  // namespace

TEST_CASE("a chain of views costs one commit, and one more for each shuffle") {
  auto commits = commits_of_chain();
  const auto of_view = [&](std::string_view name) { return commits.at(topic::view("weir", name)); };
  const auto of_shuffle = [&](std::string_view view) {
    for (const auto& [topic, which] : commits)
      if (topic.starts_with(fmt::format("weir.shuffle.p.{}.", view))) return which;
    return std::set<int>();
  };
  const auto rows = of_view("a");
  CHECK(rows.size() <= 2);  // the source's chunks
  CHECK(of_view("b") == rows);
  CHECK(of_view("c") == rows);
  CHECK(of_shuffle("w") == rows);  // leaves with the rows that it was made of
  const auto windows = of_view("w");
  CHECK(windows.size() == 1);
  CHECK(*windows.begin() > *rows.rbegin());
  CHECK(of_view("x") == windows);
  CHECK(of_shuffle("y") == windows);
  const auto last = of_view("y");
  CHECK(last.size() == 1);
  CHECK(*last.begin() > *windows.begin());
  CHECK(of_view("z") == last);
}

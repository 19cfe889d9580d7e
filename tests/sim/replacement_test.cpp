// Rule 10: a pipeline takes the place of another (weir apply --replace).
#include <catch2/catch.hpp>
#include <set>

#include "cluster/topic_names.hpp"
#include "runtime/fault/fault_points.hpp"
#include "tests/sim/small_node.hpp"

using namespace weir;

namespace {

using texts = std::vector<std::string>;

std::string tables() {
  return R"(
CREATE TABLE readings (at timestamptz NOT NULL, sensor text NOT NULL, value double precision)
  WITH (format = 'json', event_time = 'at');
)";
}

// Windows over a shuffle, on their source, and as they change; a running table, a stateless view, one over the table.
std::string views(const std::string& where) {
  return fmt::format(R"(
CREATE MATERIALIZED VIEW counts AS
  SELECT window_start, sensor, count(*) AS n FROM tumble(readings, interval '5 seconds') {0}
  GROUP BY window_start, sensor;
CREATE MATERIALIZED VIEW by_source AS
  SELECT window_start, source, count(*) AS n FROM tumble(readings, interval '5 seconds') {0}
  GROUP BY window_start, source;
CREATE MATERIALIZED VIEW current WITH (emit = 'changes') AS
  SELECT window_start, sensor, count(*) AS n FROM tumble(readings, interval '5 seconds') {0}
  GROUP BY window_start, sensor;
CREATE MATERIALIZED VIEW totals WITH (max_rows = 1000) AS
  SELECT sensor, count(*) AS n FROM readings {0} GROUP BY sensor;
CREATE MATERIALIZED VIEW shown AS SELECT sensor, n * 10 AS tenfold FROM totals;
CREATE MATERIALIZED VIEW plain AS SELECT sensor, value FROM readings {0};
)",
                     where);
}

texts readings() {
  texts out;
  for (int i = 0; i < 50; ++i) out.push_back(record(i, i % 3 == 0 ? "b" : "a", i % 2 == 0 ? "1" : "2"));
  return out;
}

// Rows of every view of `sql` alone.
std::map<std::string, texts> answers(const std::string& sql, int shards) {
  bench b({instrument("i", readings(), false), instrument("j", readings(), false)}, shards, sql.c_str());
  b.node->run_to_rest();
  std::map<std::string, texts> out;
  for (const auto& [name, view] : b.node->control().plan()->names.views) out[name] = b.rows(name.c_str());
  return out;
}

std::string newest_window(const texts& rows) {
  std::string newest;
  for (const auto& row : rows) newest = std::max(newest, row.substr(0, row.find("\",\"") + 1));
  return newest;
}

// Rows up to a window as one SQL has them, from there on as the other has them.
texts joined(const texts& before, const std::string& last, const texts& after) {
  texts out;
  const auto window = [](const std::string& row) { return row.substr(0, row.find("\",\"") + 1); };
  for (const auto& row : before)
    if (window(row) <= last) out.push_back(row);
  for (const auto& row : after)
    if (window(row) > last) out.push_back(row);
  std::ranges::sort(out);
  return out;
}

void run_some(sim_node& n, int steps) {
  for (int i = 0; i < steps; ++i)
    if (!n.step()) n.pass_time(1'000);
  n.hold_source("i", true);
  n.hold_source("j", true);
  n.run_to_rest();
}

void go_on(sim_node& n) {
  n.hold_source("i", false);
  n.hold_source("j", false);
  n.run_to_rest();
}

}  // namespace

TEST_CASE("rule 10: a pipeline that is replaced by its like tells nothing twice and leaves nothing out", "[rules]") {
  sim::life_options o;
  o.replacements = 2;
  seeds_show(10, 60, o);
}

TEST_CASE("views go on with the new SQL where the old one has told them to") {
  for (const int shards : {1, 3}) {
    INFO(shards << " shards");
    const auto old_sql = tables() + views(""), new_sql = tables() + views("WHERE sensor <> 'b'");
    const auto old_alone = answers(old_sql, shards), new_alone = answers(new_sql, shards);
    bench b({instrument("i", readings(), false), instrument("j", readings(), false)}, shards, old_sql.c_str());
    run_some(*b.node, 150);
    const auto told = b.rows("counts"), told_by_source = b.rows("by_source"), plain = b.rows("plain");
    REQUIRE(told.size() > 4);
    REQUIRE(told.size() < old_alone.at("counts").size());

    b.node->replace_pipeline("p", new_sql);
    b.node->run_to_rest();
    CHECK(b.rows("counts") == told);
    CHECK(b.rows("by_source") == told_by_source);
    CHECK(b.rows("plain") == plain);
    for (const char* table : {"totals", "shown"}) CHECK(b.rows(table).size() == 1);  // b is gone, a as it was

    go_on(*b.node);
    CHECK(b.rows("counts") == joined(old_alone.at("counts"), newest_window(told), new_alone.at("counts")));
    CHECK(b.rows("totals") == new_alone.at("totals"));
    CHECK(b.rows("shown") == new_alone.at("shown"));
    // Closed windows stay as they were told.
    const auto closed = newest_window(told);
    CHECK(b.rows("current") == joined(old_alone.at("current"), closed, new_alone.at("current")));
    auto rows = b.rows("plain");
    CHECK(std::ranges::count_if(rows, [](const auto& r) { return r.find("\"a\"") != std::string::npos; }) == 66);
    CHECK(rows.size() < 100);
  }
}

TEST_CASE("a view that only the new SQL has is built from the beginning, one that it has no more goes") {
  const auto old_sql = tables() + views("");
  const auto new_sql = tables() +
                       "CREATE MATERIALIZED VIEW plain AS SELECT sensor, value FROM readings;"
                       "CREATE MATERIALIZED VIEW wide AS SELECT window_start, count(*) AS n "
                       "FROM tumble(readings, interval '10 seconds') GROUP BY window_start;";
  bench b({instrument("i", readings(), false), instrument("j", readings(), false)}, 3, old_sql.c_str());
  run_some(*b.node, 150);
  b.node->replace_pipeline("p", new_sql);
  go_on(*b.node);
  CHECK(b.rows("wide") == answers(new_sql, 1).at("wide"));
  CHECK(b.rows("plain").size() == 100);
  for (int shard = 0; shard < 3; ++shard) CHECK(b.node->store().row_count(shard, "counts").value() == 0);
}

TEST_CASE("a successor that begins at the end goes on where the other stood") {
  const auto sql = tables() + "CREATE MATERIALIZED VIEW plain AS SELECT sensor, value FROM readings;";
  for (std::uint64_t steps = 20; steps < 200; steps += 20) {
    bench b({instrument("i", readings(), false), instrument("j", readings(), false)}, 2, sql.c_str());
    for (std::uint64_t i = 0; i < steps; ++i)
      if (!b.node->step()) b.node->pass_time(1'000);
    b.node->replace_pipeline("p", sql + "-- again\n", false);
    b.node->run_to_rest();
    CHECK(b.rows("plain").size() == 100);
  }
}

TEST_CASE("a stopped pipeline is mended by its replacement") {
  const auto sql = tables() + "CREATE MATERIALIZED VIEW plain AS SELECT sensor, value FROM readings;";
  const auto wide = sql +
                    "CREATE MATERIALIZED VIEW wide AS SELECT rpad(sensor, 5000, 'x') AS w FROM readings "
                    "WHERE sensor = 'b';";
  sim_log_options small;
  small.max_entry_bytes = 4'000;
  bench b({instrument("i", readings())}, 1, wide.c_str(), small);
  b.node->run_to_rest();
  REQUIRE(b.node->quarantined.size() == 1);
  b.node->replace_pipeline("p", sql);
  b.node->run_to_rest();
  CHECK(b.node->at(0).pipelines().at("p").state == "running");
  CHECK(b.rows("plain").size() == 50);
}

TEST_CASE("the attempts of a pipeline are not its successor's") {
  bench b({instrument("i", readings())}, 1, small_sql);
  set_record_hook([](std::string_view pipeline, std::string_view) {
    if (!pipeline.empty()) throw std::runtime_error("the old SQL fails on everything");
  });
  for (int i = 0; i < 300; ++i)
    if (!b.node->step()) b.node->pass_time(1'000);
  set_record_hook({});
  REQUIRE(!b.node->restarted.empty());
  b.node->replace_pipeline("p", std::string(small_sql) + "-- mended\n");
  b.node->run_to_rest();
  CHECK(topic_values(b.log, topic::dead("weir", "readings"), 1).size() + b.rows("plain").size() == 50);
  const auto counted = b.log.read(topic::attempts("weir"), 0, 0).value()->fetch(1 << 20).value();
  REQUIRE(!counted.empty());
  CHECK(!counted.back().value);  // taken back
}

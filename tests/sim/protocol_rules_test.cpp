// PROTOCOL.md, rule by rule: what the rule keeps true is checked, and the same check fails while the rule is off.
// Rules 1, 12 and 13 have further tests in tests/cluster, 14 and 17 in tests/runtime/operators, 23 in
// tests/runtime/log; 10 is in replacement_test.cpp, 15 and 25 in posted_records_test.cpp, 19 to 21 in
// tests/cluster/members_test.cpp.
#include "runtime/fault/protocol_rules.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "cluster/topic_names.hpp"
#include "runtime/fault/fault_points.hpp"
#include "runtime/fault/one_transaction.hpp"
#include "tests/sim/rule_check.hpp"
#include "tests/sim/simulation.hpp"
#include "tests/sim/small_node.hpp"

using namespace weir;

namespace {}  // namespace

TEST_CASE("rule 2: positions are dense numbers, memory is used only where it continues them", "[rules]") {
  sim::life_options o;
  o.kills = o.log_faults = false;
  seeds_show(2, 60, o);
}

TEST_CASE("rule 3: a task that was given up and wakes commits nothing", "[rules]") {
  holds_only_with(3, []() -> std::string {
    std::vector<std::string> records;
    for (int i = 0; i < 40; ++i) records.push_back(record(i % 50, "a"));
    bench b({instrument("i", records)}, 1, small_sql, {}, 0);
    auto& n = *b.node;
    for (int i = 0; i < 30; ++i) n.step();
    n.hang_next(job_kind::task, "p");
    for (int i = 0; i < 200 && !n.hanging_job(); ++i)
      if (!n.step()) n.pass_time(6'000);
    if (!n.hanging_job()) return "no task hung";
    for (int i = 0; i < 50; ++i) n.pass_time(6'000), n.step();
    n.at(0).hung(*n.hanging_job(), n.now_us());
    n.at(0).resume_pipeline("p", n.now_us());
    n.run_to_rest();
    n.wake_hanging();
    n.run_to_rest();
    const auto rows = b.rows("plain");
    return rows.size() == 40 ? "" : fmt::format("{} rows of 40", rows.size());
  });
}

TEST_CASE("rule 4: a failed task restarts only when the commit under way has its outcome", "[rules]") {
  sim::life_options o;
  o.kills = o.log_faults = false;
  o.operator_failures = 4;
  seeds_show(4, 120, o);
}

TEST_CASE("rule 5: when ingest fails, its shard restarts as a whole", "[rules]") {
  sim::life_options o;
  o.kills = o.log_faults = false;
  o.ingest_failures = 3;
  seeds_show(5, 60, o);
}

TEST_CASE("rule 6: a source that restarts goes on after what was accepted, its old chunks are refused", "[rules]") {
  holds_only_with(6, []() -> std::string {
    bench b({instrument("i", {}, false)});
    auto& n = *b.node;
    for (int i = 0; i < 60; ++i)
      if (!n.step()) n.pass_time(6'000);
    const auto first = n.at(0).attach("i");
    if (!first) return "the source could not attach";
    const auto chunk = [&](std::uint64_t session) {
      offered_chunk c;
      c.source = "i";
      c.session = session;
      for (int i = 0; i < 3; ++i) c.chunk.records.append(record(i, "a"));
      c.chunk.position = "3";
      return c;
    };
    n.at(0).offer(chunk(first->session), n.now_us());  // waits in the queue
    const auto second = n.at(0).attach("i");           // the source was restarted
    if (!second) return "the source could not attach again";
    n.at(0).offer(chunk(second->session), n.now_us());
    n.hold_source("i", true);
    n.run_to_rest();
    const auto rows = b.rows("plain");
    return rows.size() == 3 ? "" : fmt::format("{} rows of 3", rows.size());
  });
}

TEST_CASE("rule 7: what the log refuses is charged to the pipeline that wrote it", "[rules]") {
  static const std::string sql = std::string(small_sql) +
                                 "CREATE MATERIALIZED VIEW wide AS SELECT rpad(sensor, 5000, 'x') AS w "
                                 "FROM readings WHERE value > 5;";
  holds_only_with(7, []() -> std::string {
    sim_log_options small;
    small.max_entry_bytes = 4'000;
    bench b({instrument("i", {record(1, "a"), record(2, "b", "9"), record(3, "c")})}, 1, sql.c_str(), small);
    const bool rested = b.node->run_to_rest(20'000);
    if (!rested || !b.node->failed_shards.empty()) return "the shard failed with the pipeline";
    if (b.node->quarantined.size() != 1) return "the pipeline was not stopped";
    return topic_values(b.log, topic::stream("weir", "readings"), 1).empty() ? "ingest stopped with it" : "";
  });
}

TEST_CASE("rule 8: an unknown outcome is resolved by opening again and reading", "[rules]") {
  sim::life_options o;
  o.kills = false;
  seeds_show(8, 60, o);
}

TEST_CASE("outputs never stand without their positions, nor positions without their outputs", "[rules]") {
  for (const int apart : {outputs_with_positions, positions_with_outputs}) {
    CAPTURE(apart);
    seeds_show(apart, 20);
  }
}

TEST_CASE("rule 9: attempts are counted, then the record that fails is found and set aside", "[rules]") {
  holds_only_with(9, []() -> std::string {
    std::vector<std::string> records;
    for (int i = 0; i < 30; ++i) records.push_back(record(i, i == 17 ? "poison" : "a"));
    bench b({instrument("i", records)});
    set_record_hook([](std::string_view pipeline, std::string_view text) {
      if (!pipeline.empty() && text.find("poison") != std::string_view::npos) throw std::runtime_error("poison");
    });
    const bool rested = b.node->run_to_rest(20'000);
    set_record_hook({});
    if (!rested) return "it never got past the record";
    if (const auto n = b.rows("plain").size(); n != 29) return fmt::format("{} rows of 29", n);
    const auto dead = topic_values(b.log, topic::dead("weir", "readings"), 1);
    return dead == std::vector<std::string>{record(17, "poison")} ? "" : "the record is no dead letter";
  });
}

TEST_CASE("rule 9: a record that ends the process before it is committed is found, too", "[rules]") {
  holds_only_with(9, []() -> std::string {
    std::vector<std::string> records;
    for (int i = 0; i < 30; ++i) records.push_back(record(i, i == 17 ? "poison" : "a"));
    sim_log log;
    temp_folder folder;
    sim_node_options o;
    o.shards = 1;
    o.chunk_records = 4;
    o.shard.commit_interval_min_us = o.shard.commit_interval_max_us = 1'000'000;  // from memory long before a commit
    for (int starts = 1; starts <= 30; ++starts) {
      try {
        sim_node n(log, folder.path("state"), o, {{"p", small_sql}}, {instrument("i", records)});
        set_record_hook([](std::string_view pipeline, std::string_view text) {
          if (!pipeline.empty() && text.find("poison") != std::string_view::npos) throw simulated_kill{"operator"};
        });
        const bool rested = n.run_to_rest(20'000);
        set_record_hook({});
        if (!rested) return "it never came to rest";
        const auto plain = final_rows(log, "weir", n.control().plan()->names.views.at("plain"), 1).size();
        if (plain != 29) return fmt::format("{} rows of 29", plain);
        const auto dead = topic_values(log, topic::dead("weir", "readings"), 1);
        return dead == std::vector<std::string>{record(17, "poison")} ? "" : "the record is no dead letter";
      } catch (const simulated_kill&) {
        set_record_hook({});
      }
    }
    return "the process died of the record 30 times";
  });
}

TEST_CASE("rule 9: a record that ends the process while ingest decodes it is found, its source goes on", "[rules]") {
  for (const int shards : {1, 4}) {
    sim::life_options o;
    o.shards = shards;
    o.power_loss = false;
    o.ingest_poisons = 1 + shards / 2;
    seeds_show(9, 25, o);
  }
}

TEST_CASE("rule 9: a record of which ingest does not come back is found", "[rules]") {
  holds_only_with(9, []() -> std::string {
    std::vector<std::string> records;
    for (int i = 0; i < 30; ++i) records.push_back(record(i, i == 17 ? "poison" : "a"));
    bench b({instrument("i", records)});
    auto& n = *b.node;
    struct never_comes_back {};
    set_record_hook([](std::string_view pipeline, std::string_view text) {
      if (pipeline.empty() && text.find("poison") != std::string_view::npos) throw never_comes_back{};
    });
    std::string problem = "ingest hangs again and again";
    for (int hangs = 0; hangs < 20 && !problem.empty(); ++hangs) {
      try {
        if (n.run_to_rest(20'000))
          problem.clear();
        else
          break;
      } catch (const never_comes_back&) {
        n.give_up_running();
      }
    }
    set_record_hook({});
    if (!problem.empty()) return problem;
    if (const auto rows = b.rows("plain").size(); rows != 29) return fmt::format("{} rows of 29", rows);
    const auto dead = topic_values(b.log, topic::dead("weir", "readings"), 1);
    return dead == std::vector<std::string>{record(17, "poison")} ? "" : "the record is no dead letter";
  });
}

TEST_CASE("rule 9: a source that takes its chunk in parts offers it again and nothing enters twice", "[rules]") {
  // Each record of the source's only chunk is killed at once, so that parts commit and lives end between them.
  std::vector<std::string> records;
  for (int i = 0; i < 40; ++i) records.push_back(record(i, i == 11 || i == 12 || i == 33 ? "poison" : "a"));
  sim_log log;
  temp_folder folder;
  sim_node_options o;
  o.shards = 1;
  o.chunk_records = 40;
  int starts = 0;
  for (; starts < 100; ++starts) {
    o.seed = static_cast<std::uint64_t>(starts) + 1;  // chunks of another size in each life
    try {
      sim_node n(log, folder.path("state"), o, {{"p", small_sql}}, {instrument("i", records)});
      set_record_hook([](std::string_view pipeline, std::string_view text) {
        if (pipeline.empty() && text.find("poison") != std::string_view::npos) throw simulated_kill{"decoder"};
      });
      const bool rested = n.run_to_rest(50'000);
      set_record_hook({});
      CHECK(rested);
      CHECK(final_rows(log, "weir", n.control().plan()->names.views.at("plain"), 1).size() == 37);
      CHECK(topic_values(log, topic::dead("weir", "readings"), 1) ==
            std::vector<std::string>{record(11, "poison"), record(12, "poison"), record(33, "poison")});
      break;
    } catch (const simulated_kill&) {
      set_record_hook({});
    }
  }
  CHECK(starts > 5);
  CHECK(starts < 100);
}

namespace {

// The most attempts that any unit of a pipeline without poison has counted, over some seeds.
std::uint64_t most_attempts_of_an_innocent(bool one_turn) {
  std::uint64_t most = 0;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    std::vector<scripted_source> sources;
    for (int s = 0; s < 8; ++s) {
      std::vector<std::string> records;
      for (int i = 0; i < 40; ++i) records.push_back(record(i, s == 0 && i == 20 ? "poison" : "a"));
      sources.push_back(instrument(fmt::format("i{}", s), records));
    }
    sim_log log;
    temp_folder folder;
    sim_node_options o;
    o.shards = 4;
    o.one_turn = one_turn;
    for (int starts = 1; starts <= 30; ++starts) {
      o.seed = seed * 1'000 + static_cast<std::uint64_t>(starts);
      try {
        sim_node n(log, folder.path("state"), o, {{"sick", small_sql}}, sources);
        set_record_hook([](std::string_view pipeline, std::string_view text) {
          if (pipeline == "sick" && text.find("poison") != std::string_view::npos) throw simulated_kill{"operator"};
        });
        n.run_to_rest(50'000);
        starts = 31;
      } catch (const simulated_kill&) {
      }
      set_record_hook({});
    }
    for (int shard = 0; shard < 4; ++shard) {
      if (shard == shard_of_source("i0", 4)) continue;
      for (const auto& value : partition_values(log, topic::attempts("weir"), shard))
        most = std::max(most, nlohmann::json::parse(value).at("count").get<std::uint64_t>());
    }
  }
  return most;
}

}  // namespace

TEST_CASE("rule 9: what is tried beside the poison is not counted with it", "[rules]") {
  CHECK(most_attempts_of_an_innocent(true) <= 2);  // a first death of it, before it is a suspect, may be beside one
  CHECK(most_attempts_of_an_innocent(false) > 2);
}

TEST_CASE("rule 11: an event time far ahead of its arrival closes nothing", "[rules]") {
  holds_only_with(11, []() -> std::string {
    bench b({instrument("i", {record(1, "a"), R"({"at":"9999-01-01T00:00:00Z","sensor":"a","value":1})", record(2, "a"),
                              record(30, "a")})});
    b.node->run_to_rest();
    const std::vector<std::string> expected{R"({"window_start":"2020-01-01T00:00:00Z","sensor":"a","n":2})",
                                            R"({"window_start":"2020-01-01T00:00:30Z","sensor":"a","n":1})"};
    return b.rows("counts") == expected ? "" : "windows closed too early";
  });
}

TEST_CASE("rule 12: late is decided at ingest, a late record enters no window", "[rules]") {
  sim::life_options o;
  o.kills = o.log_faults = false;
  seeds_show(12, 30, o);
}

TEST_CASE("rule 13: windows behind a shuffle close on the minimum over all shards", "[rules]") {
  sim::life_options o;
  o.kills = o.log_faults = false;
  o.shards = 4;
  seeds_show(13, 60, o);
}

TEST_CASE("rule 16: equal records give equal rows on any number of shards, after any crash", "[rules]") {
  std::map<int, std::string> problems;
  for (const int shards : {1, 4, 7}) {
    sim::life_options o;
    o.shards = shards;
    for (std::uint64_t seed = 500; seed < 506; ++seed) problems[shards] += sim::live(seed, o).problem;
    CHECK(problems[shards] == "");
  }
}

TEST_CASE("rule 17: sums do not depend on where and in which order they were added", "[rules]") {
  const auto sum = [](int shards, std::uint64_t seed) {
    static constexpr const char* values[] = {"0.3", "1e16", "-1e16", "0.7"};
    std::vector<scripted_source> sources;
    for (int s = 0; s < 4; ++s) {
      std::vector<std::string> records;
      for (int i = 0; i < 20; ++i) records.push_back(record(i % 4, "a", values[s]));
      sources.push_back(instrument(fmt::format("i{}", s), records));
    }
    temp_folder folder;
    sim_log log;
    sim_node_options o;
    o.shards = shards;
    o.seed = seed;
    sim_node node(
        log, folder.path("state"), o,
        {{"p", R"(CREATE TABLE readings (at timestamptz NOT NULL, sensor text NOT NULL, value double precision)
                              WITH (format = 'json', event_time = 'at', lateness = '1 hour');
                            CREATE MATERIALIZED VIEW sums AS SELECT window_start, sum(value) AS s
                              FROM tumble(readings, interval '1 hour') GROUP BY window_start;)"}},
        sources);
    node.run_to_rest();
    return final_rows(log, "weir", node.control().plan()->names.views.at("sums"), shards);
  };
  holds_only_with(17, [&]() -> std::string {
    const auto first = sum(1, 1);
    for (const int shards : {1, 4, 7})
      for (std::uint64_t seed = 2; seed < 8; ++seed)
        if (sum(shards, seed) != first) return fmt::format("{} shards, seed {}", shards, seed);
    return "";
  });
}

TEST_CASE("rule 24: state that is ahead of a log which lost its end is rebuilt", "[rules]") {
  sim::life_options o;
  o.log_faults = false;
  seeds_show(24, 150, o);
}

TEST_CASE("rule 22: a writer that was fenced asks whose the shard is before it opens again", "[rules]") {
  holds_only_with(22, []() -> std::string {
    std::vector<std::string> records;
    for (int i = 0; i < 200; ++i) records.push_back(record(i % 50, "a"));
    temp_folder folder;
    sim_log log{sim_log_options{}};
    bool first_owns = true;  // as the control log has it
    const auto node_that = [&](const char* state, bool first) {
      sim_node_options o;
      o.chunk_records = 4;
      o.shard.commit_interval_min_us = o.shard.commit_interval_max_us = 5'000;
      o.shard.may_open = [&first_owns, first]() -> status {
        if (first_owns == first) return {};
        return fail(errc::unavailable, "another node owns the shards");
      };
      return std::make_unique<sim_node>(log, folder.path(state), o,
                                        std::map<std::string, std::string>{{"p", small_sql}},
                                        std::vector{instrument("i", records)});
    };
    const auto first = node_that("first", true);
    for (int i = 0; i < 100; ++i)
      if (!first->step()) first->pass_time(6'000);
    first_owns = false;
    const auto second = node_that("second", false);
    for (int i = 0; i < 5'000; ++i)
      for (auto* n : {first.get(), second.get()})
        if (!n->step()) n->pass_time(6'000);
    second->run_to_rest();
    if (first->failed_shards.empty()) return "the first was not fenced: the test shows nothing";
    if (!second->failed_shards.empty()) return "who owns the shard was fenced: " + second->failed_shards.front();
    const auto rows = final_rows(log, "weir", second->control().plan()->names.views.at("plain"), 1);
    return rows.size() == records.size() ? "" : fmt::format("{} rows of {}", rows.size(), records.size());
  });
}

#include "actors/shard/warm_tasks.hpp"

#include <catch2/catch.hpp>

#include "actors/shard/shard_tail.hpp"
#include "cluster/topic_names.hpp"
#include "state/state_key.hpp"
#include "tests/sim/small_node.hpp"

using namespace weir;

namespace {

const char* const every_kind = R"(
CREATE TABLE readings (at timestamptz NOT NULL, sensor text NOT NULL, value double precision)
  WITH (format = 'json', event_time = 'at');
CREATE MATERIALIZED VIEW counts AS
  SELECT window_start, sensor, count(*) AS n FROM tumble(readings, interval '5 seconds') GROUP BY window_start, sensor;
CREATE MATERIALIZED VIEW runs AS
  SELECT window_start, sensor, sum(value) AS v FROM session(readings, interval '2 seconds')
  GROUP BY window_start, sensor;
CREATE MATERIALIZED VIEW by_source AS
  SELECT window_start, source, max(value) AS best FROM tumble(readings, interval '7 seconds')
  GROUP BY window_start, source;
CREATE MATERIALIZED VIEW totals WITH (max_rows = 2) AS SELECT sensor, count(*) AS n FROM readings GROUP BY sensor;
)";

std::vector<std::string> records(int count) {
  std::vector<std::string> out;
  for (int i = 0; i < count; ++i)
    out.push_back(record(i * 3 / 4 % 60, i % 3 == 0 ? "a" : i % 3 == 1 ? "b" : "c", i % 2 == 0 ? "1.5" : "7"));
  return out;
}

std::unique_ptr<state_store> store_in(const std::string& folder) {
  auto made = state_store::open(folder, 1'000);
  REQUIRE(made);
  return std::move(*made);
}

task_options options_of(int shard, int shards) { return {"weir", shard, shards}; }

void follow_to_end(shard_tail& tail, const control_plan& plan) {
  for (bool more = true; more;) {
    const auto came = tail.follow(plan);
    REQUIRE(came);
    more = *came;
  }
  tail.warm(plan, {});
}

// What the task makes of all that the log has for it, as one text.
std::string next_epoch(task& t, event_log& log) {
  for (const auto& known : t.inputs()) {
    auto* input = t.find_input(known.kind, known.name);
    for (std::size_t read = 1; read > 0;) {
      const auto came = t.read_on(*input, log, 1 << 20);
      REQUIRE(came);
      read = *came;
    }
  }
  const auto cut = t.cut();
  REQUIRE(cut);
  std::string out;
  for (const auto& a : cut->appends)
    out += fmt::format("{}[{}] {} {} {} {}\n", a.topic, a.partition, a.key, a.value.value_or("-"), a.header,
                       a.timestamp_us);
  for (const auto& c : cut->changes) out += fmt::format("{} {}\n", c.key, c.value.value_or("-"));
  return out;
}

std::string prefix_of(const control_plan& plan, const char* pipeline = "p") {
  return state_prefix(pipeline, plan.pipelines.at(pipeline).record.incarnation);
}

// Each goes on as one that is restored from the store, as at any start.
void check_same(task_map tasks, const control_plan& plan, int shard, int shards, state_store& store, event_log& log) {
  REQUIRE(tasks.size() == plan.pipelines.size());
  for (const auto& [name, planned] : plan.pipelines) {
    auto& warm = *tasks.at(prefix_of(plan, name.c_str()));
    REQUIRE(warm.begin(store));
    task cold(options_of(shard, shards), planned, plan.names);
    REQUIRE(cold.restore(store, log));
    CHECK(next_epoch(warm, log) == next_epoch(cold, log));
  }
}

void apply(state_store& store, const log_entry& e) {
  std::optional<std::string_view> value;
  if (e.value) value = *e.value;
  REQUIRE(store.apply(0, {.changes = {{e.key, value}}, .changelog_next = e.offset + 1}));
}

std::vector<log_entry> changelog(event_log& log) {
  const auto reader = log.read(topic::changelog("weir"), 0, 0);
  REQUIRE(reader);
  const auto entries = (*reader)->fetch(64 << 20);
  REQUIRE(entries);
  return *entries;
}

// With time that goes on, so that there are many commits.
void some_steps(bench& b, int count) {
  for (int i = 0; i < count; ++i)
    if (!b.node->step() || i % 3 == 0) b.node->pass_time(6'000);
}

}  // namespace

TEST_CASE("a task that a standby kept in memory goes on as one that is restored") {
  bench b({instrument("i", records(90)), instrument("j", records(57))}, 2, every_kind);
  const auto& plan = *b.node->control().plan();
  temp_folder folder;
  const auto copy = store_in(folder.path("copy"));
  std::vector<std::unique_ptr<shard_tail>> tails;
  for (int i = 0; i < 2; ++i) tails.push_back(std::make_unique<shard_tail>(options_of(i, 2), b.log, *copy));
  int compared = 0;
  for (int round = 0; round < 60; ++round) {
    some_steps(b, 20);
    for (int shard = 0; shard < 2; ++shard) {
      auto& tail = *tails[static_cast<std::size_t>(shard)];
      follow_to_end(tail, plan);
      if (tail.tasks_in_memory() == 0 || round % 6 != 5) continue;
      check_same(tail.take_tasks(plan), plan, shard, 2, *copy, b.log);
      follow_to_end(tail, plan);
      ++compared;
    }
  }
  CHECK(compared > 10);
  REQUIRE(b.node->run_to_rest());
  CHECK(b.rows("counts").size() > 10);
}

TEST_CASE("rows of another pipeline's table, which change often, are in memory as they are in the store") {
  bench b({instrument("i", records(300))}, 1, every_kind);
  auto& control = b.node->control();
  const char* const reads_totals =
      "CREATE MATERIALIZED VIEW how_many WITH (max_rows = 1000) AS SELECT n, count(*) AS c FROM totals GROUP BY n;\n";
  REQUIRE(control.append(apply_pipeline(*control.plan(), "q", reads_totals, false, true).value()));
  b.node->hand_new_plan();
  const auto plan = control.plan();
  temp_folder folder;
  const auto copy = store_in(folder.path("copy"));
  shard_tail tail(options_of(0, 1), b.log, *copy);
  int compared = 0;
  for (int round = 0; round < 40; ++round) {
    some_steps(b, 25);
    follow_to_end(tail, *plan);
    if (tail.tasks_in_memory() < 2 || round % 4 != 3) continue;
    check_same(tail.take_tasks(*plan), *plan, 0, 1, *copy, b.log);
    follow_to_end(tail, *plan);
    ++compared;
  }
  CHECK(compared > 5);
}

TEST_CASE("an epoch that has not come as a whole changes no task, and none is handed over in it") {
  bench b({instrument("i", records(200))}, 1, every_kind);
  some_steps(b, 150);
  const auto& plan = *b.node->control().plan();
  const auto known = changelog(b.log).size();
  REQUIRE(known > 0);
  some_steps(b, 500);
  const auto entries = changelog(b.log);
  const auto prefix = prefix_of(plan);
  REQUIRE(entries.size() > known + 10);
  std::size_t whole = 0, torn = 0;
  for (auto end = known; end <= std::min(entries.size(), known + 40); ++end) {
    temp_folder folder;
    const auto copy = store_in(folder.path("copy"));
    for (std::size_t i = 0; i < known; ++i) apply(*copy, entries[i]);
    warm_tasks tasks(options_of(0, 1), *copy);
    tasks.make(plan, {});
    REQUIRE(tasks.size() == 1);
    bool open = false;
    for (auto i = known; i < end; ++i) {
      apply(*copy, entries[i]);
      tasks.follow({entries[i]});
      if (entries[i].key.starts_with(prefix)) open = entries[i].key != prefix + state_of_task;
    }
    auto handed = tasks.take(plan);
    ++(open ? torn : whole);
    if (open)
      CHECK(handed.empty());
    else
      check_same(std::move(handed), plan, 0, 1, *copy, b.log);
  }
  CHECK(whole > 3);
  CHECK(torn > 3);
}

TEST_CASE("what a standby has in memory of a pipeline that was replaced goes, and its successor comes") {
  bench b({instrument("i", records(60))}, 1, every_kind);
  some_steps(b, 200);
  temp_folder folder;
  const auto copy = store_in(folder.path("copy"));
  shard_tail tail(options_of(0, 1), b.log, *copy);
  const auto before = b.node->control().plan();
  follow_to_end(tail, *before);
  CHECK(tail.tasks_in_memory() == 1);
  b.node->replace_pipeline("p", std::string(every_kind) + "-- once more\n");
  REQUIRE(b.node->run_to_rest());
  const auto after = b.node->control().plan();
  CHECK(prefix_of(*before) != prefix_of(*after));
  follow_to_end(tail, *before);  // whose plan is older than what it reads
  CHECK(tail.tasks_in_memory() == 0);
  follow_to_end(tail, *after);
  check_same(tail.take_tasks(*after), *after, 0, 1, *copy, b.log);
  CHECK(tail.tasks_in_memory() == 0);
}

TEST_CASE("nothing in memory outlives a copy that is wiped, or a plan with other streams") {
  bench b({instrument("i", records(60))}, 1, every_kind);
  some_steps(b, 600);
  temp_folder folder;
  const auto copy = store_in(folder.path("copy"));
  shard_tail tail(options_of(0, 1), b.log, *copy);
  const auto plan = b.node->control().plan();
  follow_to_end(tail, *plan);
  REQUIRE(tail.tasks_in_memory() == 1);
  REQUIRE(b.node->control().append(
      apply_pipeline(*plan, "q", "CREATE TABLE others (a text) WITH (format = 'json');", false, true).value()));
  CHECK(tail.take_tasks(*b.node->control().plan()).empty());
  follow_to_end(tail, *b.node->control().plan());
  REQUIRE(tail.tasks_in_memory() == 1);
  REQUIRE(b.log.lose_tail(8));
  REQUIRE(tail.catch_up(*b.node->control().plan()));
  CHECK(tail.tasks_in_memory() == 0);
}

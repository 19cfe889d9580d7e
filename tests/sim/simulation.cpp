#include "tests/sim/simulation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "cluster/topic_names.hpp"
#include "runtime/fault/fault_points.hpp"
#include "tests/support/temp_folder.hpp"

namespace weir::sim {

namespace {

constexpr std::int64_t start_us = 1'600'000'000'000'000;
constexpr int kills_max = 8;
constexpr int starts_max = 100;
constexpr std::string_view poison_sensor = "poison";

std::size_t below(std::mt19937_64& random, std::size_t n) {
  return std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
}
bool chance(std::mt19937_64& random, double p) { return std::bernoulli_distribution(p)(random); }

std::vector<scripted_source> scripts(const std::vector<instrument>& instruments) {
  std::vector<scripted_source> out;
  for (const auto& i : instruments) {
    scripted_source s{i.name, "readings"};
    for (const auto& r : i.readings) s.records.push_back(record_text(r));
    out.push_back(std::move(s));
  }
  return out;
}

sim_node_options options_of(std::mt19937_64& random, const life_options& given, std::uint64_t seed) {
  static constexpr int shard_counts[] = {1, 2, 4, 7};
  sim_node_options o;
  o.shards = shard_counts[below(random, 4)];
  if (given.shards) o.shards = *given.shards;
  o.seed = seed;
  o.chunk_records = 1 + below(random, 20);
  o.shard.epoch_max_bytes = chance(random, 0.3) ? 2'000 : 1 << 20;
  o.shard.task_queue_bytes = chance(random, 0.3) ? 3'000 : 1 << 20;  // small: tasks fall behind and read the log
  o.shard.job_bytes = chance(random, 0.3) ? 500 : 1 << 20;
  o.shard.commit_interval_min_us = static_cast<std::int64_t>(below(random, 3)) * 3'000;
  o.shard.commit_interval_max_us = 20'000;
  o.shard.in_flight_records = 1 + below(random, 60);  // few: after a kill, too, records reach tasks from memory
  o.shard.suspect_chunks = 1 + seed % 4;
  o.shard.commit_company_us = seed % 3 == 0 ? 2'000 : 0;
  o.shards_per_writer = 1 + static_cast<int>(seed / 2 % 4);
  return o;
}

sim_faults faults_of(std::mt19937_64& random, std::uint64_t seed) {
  sim_faults f;
  f.seed = seed;
  if (chance(random, 0.5)) f.lost_reply = 0.02;
  if (chance(random, 0.5)) f.timed_out = 0.02;
  if (chance(random, 0.3)) f.fenced = 0.01;
  if (chance(random, 0.3)) f.no_space = 0.01;
  if (chance(random, 0.3)) f.read_error = 0.02;
  if (chance(random, 0.3)) f.short_read = 0.2;
  if (chance(random, 0.3)) f.late = 0.1;
  if (seed % 4 == 3) f.unavailable = 0.01;
  return f;
}

// Throws at the n-th passage of a point; counts what happened.
void arm(std::mt19937_64& random, life& l) {
  auto point = kill_points[below(random, kill_points.size())];
  // Attempts are counted only after an unclean exit; there they are few.
  if (l.starts > 1 && chance(random, 0.2)) point = "attempt.after_count";
  while (l.starts == 1 && point.starts_with("attempt")) point = kill_points[below(random, kill_points.size())];
  const bool rare = point.starts_with("open") || point.starts_with("attempt");
  auto left = std::make_shared<std::size_t>(1 + below(random, rare ? 2 : 12));
  set_kill_hook([point, left, &l](std::string_view at) {
    if (at != point || --*left > 0) return;
    ++l.kills[std::string(at)];
    set_kill_hook({});
    throw simulated_kill{std::string(at)};
  });
}

// Failures of operators and ingest that pass by themselves, and a record on which operators always fail.
record_hook failing_hook(const life_options& given, std::uint64_t seed) {
  if (given.operator_failures + given.ingest_failures + given.ingest_poisons == 0 && given.poison.empty()) return {};
  struct plan {
    std::mt19937_64 random;
    int operators, intake;
  };
  auto left =
      std::make_shared<plan>(plan{std::mt19937_64(seed * 7 + 1), given.operator_failures, given.ingest_failures});
  return [left, poison = given.poison](std::string_view pipeline, std::string_view record) {
    if (!pipeline.empty() && !poison.empty() && record.find(poison) != std::string_view::npos)
      throw std::runtime_error("a poison record");
    if (pipeline.empty() && record.find(poison_sensor) != std::string_view::npos) throw simulated_kill{"decoder"};
    int& n = pipeline.empty() ? left->intake : left->operators;
    if (n == 0 || !chance(left->random, 0.02)) return;
    --n;
    throw std::runtime_error("a failure that passes");
  };
}

void plant_poison(std::vector<instrument>& instruments, int count, std::uint64_t seed) {
  std::mt19937_64 random(seed * 13 + 5);
  for (int i = 0; i < count; ++i) {
    auto& readings = instruments[below(random, instruments.size())].readings;
    auto& r = readings[below(random, readings.size())];
    r.broken = false;
    r.poison = true;
    r.sensor = poison_sensor;
  }
}

std::string first_difference(const std::vector<std::string>& expected, const std::vector<std::string>& got) {
  std::vector<std::string> missing, extra;
  std::ranges::set_difference(expected, got, std::back_inserter(missing));
  std::ranges::set_difference(got, expected, std::back_inserter(extra));
  return fmt::format("{} rows expected, {} there; {} missing{}{}; {} too many{}{}", expected.size(), got.size(),
                     missing.size(), missing.empty() ? "" : ", first ", missing.empty() ? "" : missing.front(),
                     extra.size(), extra.empty() ? "" : ", first ", extra.empty() ? "" : extra.front());
}

// Runs to rest; on the way the pipeline is replaced, at moments that the seed chooses, by one of the same views.
bool run(sim_node& node, sim_log& log, const sim_faults& faults, std::uint64_t seed, int replacements,
         std::string& sql) {
  log.set_faults(faults);
  std::mt19937_64 random(seed);
  for (; replacements > 0; --replacements) {
    for (auto steps = 1 + below(random, 400); steps > 0; --steps)
      if (!node.step()) node.pass_time(1'000);
    sql += "-- once more\n";
    log.set_faults({});  // the control log is not what is tried here
    node.replace_pipeline("sim", sql);
    log.set_faults(faults);
  }
  return node.run_to_rest(500'000);
}

std::string check(sim_log& log, sim_node& node, const expected_answers& expected, int shards) {
  for (const auto& why : node.quarantined) return "quarantined: " + why;
  const auto plan = node.control().plan();
  for (const auto& [name, view] : plan->names.views) {
    const auto rows = expected.rows.find(name);
    const auto wanted = rows == expected.rows.end() ? std::vector<std::string>{} : rows->second;
    const auto got = final_rows(log, "weir", view, shards);
    if (got != wanted) return fmt::format("view {}: {}", name, first_difference(wanted, got));
  }
  if (const auto dead = topic_values(log, topic::dead("weir", "readings"), shards).size(); dead != expected.dead)
    return fmt::format("{} dead letters, {} expected", dead, expected.dead);
  for (const char* view : {"per_sensor", "per_source", "runs"})
    if (const auto late = topic_values(log, topic::late("weir", view), shards).size(); late != expected.late)
      return fmt::format("{} late records of {}, {} expected", late, view, expected.late);
  return {};
}

}  // namespace

std::vector<instrument> make_instruments(std::mt19937_64& random, std::int64_t lateness_us) {
  std::vector<instrument> out(1 + below(random, 6));
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i].name = fmt::format("instrument-{}", i);
    auto t = start_us + static_cast<std::int64_t>(below(random, 20'000'000));
    const auto count = 10 + below(random, 120);
    for (std::size_t n = 0; n < count; ++n) {
      t += static_cast<std::int64_t>(below(random, chance(random, 0.05) ? 8'000'000 : 700'000));
      reading r;
      r.at_us = t - static_cast<std::int64_t>(below(random, static_cast<std::size_t>(lateness_us) * 5 / 4 + 1));
      r.at_us -= r.at_us % 1'000;
      r.sensor = fmt::format("s{}", below(random, 5));
      r.value = static_cast<double>(below(random, 100)) / 4 - 10;
      r.broken = chance(random, 0.02);
      out[i].readings.push_back(std::move(r));
    }
  }
  return out;
}

life live(std::uint64_t seed, const life_options& given) {
  std::mt19937_64 random(seed);
  const auto lateness_us = static_cast<std::int64_t>(below(random, 4)) * 1'000'000;
  auto instruments = make_instruments(random, lateness_us);
  plant_poison(instruments, given.ingest_poisons, seed);
  const auto expected = reference(instruments, lateness_us);
  const auto options = options_of(random, given, seed);
  life l;
  sim_log log;
  temp_folder folder;
  auto faults = faults_of(random, seed);
  if (!given.log_faults) faults = {};
  set_record_hook(failing_hook(given, seed));
  std::string sql = sim_sql(lateness_us);
  std::string own = "state", other = "standby";
  std::unique_ptr<sim_standby> standby;
  bool takes_over = false;
  int kills_left = given.kills ? static_cast<int>(below(random, kills_max + 1)) : 0;
  for (;;) {
    if (++l.starts > starts_max) {
      l.problem = fmt::format("the process ended {} times", starts_max);
      break;
    }
    auto o = options;
    o.seed = seed + static_cast<std::uint64_t>(l.starts) * 1'000'003;
    o.replace_pipelines = given.replacements > 0;  // a power loss may have taken the last one's record
    try {
      log.set_faults({});  // the control log's own start is not what is tried here
      const std::map<std::string, std::string> pipelines{{"sim", sql}};
      auto made = takes_over ? std::make_unique<sim_node>(log, std::move(standby), o, pipelines, scripts(instruments))
                             : std::make_unique<sim_node>(log, folder.path(own), o, pipelines, scripts(instruments));
      auto& node = *made;
      takes_over = false;
      if (given.standby && !standby) standby = std::make_unique<sim_standby>(log, folder.path(other), o);
      if (given.standby) node.set_beside([&] { standby->follow(*node.control().plan()); });
      if (kills_left-- > 0) arm(random, l);
      const bool rested = run(node, log, faults, o.seed * 3 + 1, given.replacements, sql);
      set_kill_hook({});
      set_record_hook({});
      log.set_faults({});
      l.commits = log.commits();
      l.problem = rested ? check(log, node, expected, o.shards) : "the node did not come to rest";
      if (!l.problem.empty()) l.problem += "\n" + node.describe();
      return l;
    } catch (const simulated_kill&) {
      takes_over = given.standby && chance(random, 0.6);
      if (takes_over) {
        ++l.takeovers;
        l.warm += standby->tasks_in_memory();
        std::swap(own, other);
      }
      if (chance(random, 0.3)) static_cast<void>(log.compact(topic::changelog("weir")));
      // With durability = "process" a power loss takes the log's last commits, while the state may have kept theirs.
      const bool loses = given.power_loss && !given.standby;
      if (loses && chance(random, 0.2)) static_cast<void>(log.lose_tail(1 + below(random, 5)));
    }
  }
  set_kill_hook({});
  set_record_hook({});
  return l;
}

}  // namespace weir::sim

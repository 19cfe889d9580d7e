// W1 on the embedded log beside the bare loop, in one run (README.md). Every stage is a process of its own, so that its
// CPU time and peak memory are its own.
//
//   bare      the bare loop over the records in memory
//   fill      chunks through ingest into the log: what a variant reads is there before its clock starts
//   windows   a fresh node on a filled log: a new pipeline reads it from the beginning, until its last window is
//   committed tail      chunks through ingest and, from memory, through a pipeline at the tail, until its last window
//   is committed
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <thread>

#include "actors/shard/shard_writer.hpp"
#include "actors/shard/task_node.hpp"
#include "cluster/control_log.hpp"
#include "cluster/topic_names.hpp"
#include "runtime/log/local_log.hpp"
#include "runtime/time/timestamp.hpp"
#include "tools/bench/bare_w1.hpp"
#include "tools/bench/program.hpp"
#include "tools/bench/shard_runner.hpp"

namespace weir::bench {

namespace {

constexpr const char* app = "bench";
constexpr const char* pipeline = "windows";
constexpr const char* view = "w1_windows";
constexpr const char* stream_sql =
    "CREATE TABLE w1 (sensor text, ts bigint, value double precision) "
    "WITH (format = 'json', event_time = 'ts', event_time_unit = 'ms', lateness = '1 s');";
constexpr const char* view_sql =
    "CREATE MATERIALIZED VIEW w1_windows WITH (emit = 'final') AS "
    "SELECT window_start, sensor, count(*) AS n, max(value) AS best "
    "FROM tumble(w1, interval '5 seconds') GROUP BY window_start, sensor;";
constexpr std::int64_t patience_us = 600'000'000, quiet_us = 1'000'000, check_us = 20'000;

template <class T>
T must(result<T> r) {
  if (!r) throw std::runtime_error(r.error().text());
  return std::move(*r);
}

void must(const status& s) {
  if (!s) throw std::runtime_error(s.error().text());
}

struct usage {
  std::int64_t wall_us = 0, cpu_us = 0;
  long peak_kb = 0;
};

usage used_now() {
  rusage r{};
  getrusage(RUSAGE_SELF, &r);
  const auto us = [](const timeval& t) { return std::int64_t{t.tv_sec} * 1'000'000 + t.tv_usec; };
  return {now_us(), us(r.ru_utime) + us(r.ru_stime), r.ru_maxrss};
}

struct variant {
  std::string stage;
  int shards = 1;
  int threads = 0;  // 0: all on one thread
};

struct bench_options {
  std::size_t records = 2'000'000;
  int rounds = 3;
  std::string stage;             // only this one, and what it needs; empty: all
  int shards = 0;                // only variants with so many; 0: all
  int commit_interval_ms = 100;  // the longest; a profiler slows a run down, and with this its epochs stay as large
  std::filesystem::path folder;
};

nlohmann::json to_json(const variant& v, std::size_t records, const usage& from, const usage& to) {
  const auto wall_s = static_cast<double>(to.wall_us - from.wall_us) / 1e6,
             cpu_s = static_cast<double>(to.cpu_us - from.cpu_us) / 1e6;
  return {{"stage", v.stage},
          {"shards", v.shards},
          {"threads", std::max(v.threads, 1)},
          {"records", records},
          {"wall_s", wall_s},
          {"cpu_s", cpu_s},
          {"records_per_s", static_cast<double>(records) / wall_s},
          {"cpu_ns_per_record", cpu_s * 1e9 / static_cast<double>(records)},
          {"peak_mb", to.peak_kb / 1024}};
}

// A node's parts on one folder, as the node opens them.
class bench_node {
 public:
  bench_node(const bench_options& o, const variant& v) : shards_(v.shards) {
    const auto folder = o.folder / "data";
    local_log_options log_options;
    log_options.path = folder / "log";
    std::filesystem::create_directories(log_options.path);
    log_ = must(open_local_log(log_options));
    store_ = must(state_store::open((folder / "state").string(), shard_options{}.view_rows));
    control_ = must(control_log::open(*log_, app));
    append(must(set_deployment(*control_->state(), {shards_, shards_})));
    shard_options options;
    options.app = app;
    options.commit_interval_max_us = std::int64_t{1'000} * o.commit_interval_ms;
    runner = std::make_unique<shard_runner>(*log_, *store_, options, shards_, v.threads);
  }

  void declare(const char* name, const std::string& sql) {
    append(must(apply_pipeline(*control_->plan(), name, sql, false, true)));
  }

  // One source per shard where there are as many.
  std::vector<chunk_source> add_feeds(const w1_workload& input) {
    std::vector<chunk_source> feeds;
    std::vector<source_record> records;
    for (int k = 0; feeds.size() < source_count; ++k) {
      const auto name = fmt::format("feed-{}", k);
      const auto wanted = static_cast<int>(feeds.size()) % shards_;
      if (shard_of_source(name, shards_) != wanted) continue;
      records.push_back({name, "w1", "memory", {}, run_state::running, 0});
      feeds.push_back({name, &input.chunks[feeds.size()]});
    }
    append(must(add_sources(*control_->plan(), records)));
    return feeds;
  }

  std::shared_ptr<const control_plan> plan() {
    must(create_topics(*log_, app, shards_, *control_->plan(), 0, 0));
    return control_->plan();
  }

  void open_shards() {
    runner->start(plan());
    runner->run([this] { return runner->running(); }, patience_us);
  }

  // Until the view's last window is committed; answers what was used up to that commit.
  usage run_to_last_window(std::size_t records) {
    usage last = used_now();
    const auto topic = topic::view(app, view);
    runner->on_commit = [&](std::string_view grown) {
      if (grown == topic) last = used_now();
    };
    std::int64_t next_check = 0;
    runner->run(
        [&] {
          if (now_us() < next_check) return false;
          next_check = now_us() + check_us;
          return now_us() - last.wall_us > quiet_us && runner->records(pipeline) == records;
        },
        patience_us);
    runner->on_commit = nullptr;
    return last;
  }

  // Entries that every partition of a topic has ever had.
  std::int64_t entries(const std::string& topic) {
    std::int64_t sum = 0;
    for (int p = 0; p < shards_; ++p) sum += must(log_->bounds(topic, p)).end;
    return sum;
  }

  void run_until_committed() {
    runner->run([this] { return runner->all_committed(); }, patience_us);
  }

  // Marks that close the windows follow the last chunk.
  void rest() {
    const auto until = now_us() + quiet_us;
    runner->run([&] { return now_us() > until; }, patience_us);
    runner.reset();
    must(store_->mark_clean());
  }

  std::vector<w1_window> windows() {
    std::vector<w1_window> out;
    for (int p = 0; p < shards_; ++p) {
      const auto bounds = must(log_->bounds(topic::view(app, view), p));
      auto reader = must(log_->read(topic::view(app, view), p, bounds.start));
      while (reader->position() < bounds.end)
        for (const auto& e : must(reader->fetch(1 << 20))) {
          if (!e.value || must(decode_row_header(e.header)).kind != entry_row) continue;
          const auto row = nlohmann::json::parse(*e.value);
          out.push_back({row.at("sensor"), must(parse_timestamp(row.at("window_start").get<std::string>())) / 1'000,
                         row.at("n"), row.at("best")});
        }
    }
    sort_windows(out);
    return out;
  }

  std::unique_ptr<shard_runner> runner;

 private:
  void append(const std::vector<control_record>& records) {
    if (!records.empty()) must(control_->append(records));
  }

  int shards_;
  std::unique_ptr<event_log> log_;
  std::unique_ptr<state_store> store_;
  std::unique_ptr<control_log> control_;
};

nlohmann::json run_bare(const bench_options& o, const variant& v) {
  const auto input = make_w1(o.records);
  const auto from = used_now();
  auto windows = run_bare_w1(input);
  const auto to = used_now();
  sort_windows(windows);
  write_answer(o.folder / "bare.answer", windows);
  auto out = to_json(v, o.records, from, to);
  out["bytes_per_record"] = static_cast<double>(input.bytes) / static_cast<double>(input.records);
  return out;
}

nlohmann::json run_fill(const bench_options& o, const variant& v) {
  const auto input = make_w1(o.records);
  bench_node n(o, v);
  n.declare("tables", stream_sql);
  auto feeds = n.add_feeds(input);
  n.open_shards();
  const auto from = used_now();
  n.runner->feed(std::move(feeds));
  n.run_until_committed();
  auto out = to_json(v, o.records, from, used_now());
  out["commits"] = n.runner->commits();
  n.rest();
  return out;
}

nlohmann::json run_windows(const bench_options& o, const variant& v) {
  bench_node n(o, v);
  n.open_shards();
  const auto from = used_now();
  n.declare(pipeline, view_sql);
  n.runner->apply(n.plan());
  const auto to = n.run_to_last_window(o.records);
  auto out = to_json(v, o.records, from, to);
  out["commits"] = n.runner->commits();
  out["changelog_entries"] = n.entries(topic::changelog(app));
  write_answer(o.folder / "windows.answer", n.windows());
  return out;
}

nlohmann::json run_tail(const bench_options& o, const variant& v) {
  const auto input = make_w1(o.records);
  bench_node n(o, v);
  n.declare("tables", stream_sql);
  n.declare(pipeline, view_sql);
  auto feeds = n.add_feeds(input);
  n.open_shards();
  const auto from = used_now();
  n.runner->feed(std::move(feeds));
  const auto to = n.run_to_last_window(o.records);
  auto out = to_json(v, o.records, from, to);
  out["commits"] = n.runner->commits();
  write_answer(o.folder / "tail.answer", n.windows());
  return out;
}

nlohmann::json run_stage(const bench_options& o, const variant& v) {
  if (v.stage == "bare") return run_bare(o, v);
  if (v.stage == "fill") return run_fill(o, v);
  if (v.stage == "windows") return run_windows(o, v);
  return run_tail(o, v);
}

// In a process of its own; throws when it fails.
nlohmann::json run_apart(const bench_options& o, const variant& v) {
  int ends[2];
  if (pipe(ends) != 0) throw std::runtime_error("no pipe");
  const auto child = fork();
  if (child < 0) throw std::runtime_error("no process");
  if (child == 0) {
    close(ends[0]);
    int exit_code = 1;
    try {
      const auto line = run_stage(o, v).dump();
      exit_code = write(ends[1], line.data(), line.size()) == static_cast<ssize_t>(line.size()) ? 0 : 1;
    } catch (const std::exception& e) {
      std::cerr << "w1_bench: " << v.stage << ": " << e.what() << '\n';
    }
    _exit(exit_code);
  }
  close(ends[1]);
  std::string line;
  char buffer[4096];
  for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;) line.append(buffer, static_cast<std::size_t>(n));
  close(ends[0]);
  int state = 0;
  if (waitpid(child, &state, 0) != child || !WIFEXITED(state) || WEXITSTATUS(state) != 0)
    throw std::runtime_error(fmt::format("stage {} with {} shards failed", v.stage, v.shards));
  return nlohmann::json::parse(line);
}

// Lines of one variant over the rounds, and of the bare loop in the same rounds.
struct series {
  std::vector<double> records_per_s, cpu_ns, cpu_ratio, peak_mb, commits;
};

void print_table(const std::vector<std::string>& order, const std::map<std::string, series>& all) {
  fmt::print("\n{:<34}{:>12}{:>16}{:>14}{:>10}{:>10}\n", "variant (medians)", "records/s", "CPU ns/record",
             "bare loops", "peak MB", "commits");
  for (const auto& name : order) {
    const auto& s = all.at(name);
    fmt::print("{:<34}{:>12.0f}{:>16.0f}{:>14.2f}{:>10.0f}{:>10.0f}\n", name, median(s.records_per_s), median(s.cpu_ns),
               median(s.cpu_ratio), median(s.peak_mb), median(s.commits));
  }
}

bool wanted(const bench_options& o, const variant& v) {
  if (v.stage == "bare") return true;  // what every ratio is taken to
  if (o.shards != 0 && v.shards != o.shards) return false;
  return o.stage.empty() || v.stage == o.stage || (v.stage == "fill" && o.stage == "windows");
}

void run_rounds(const bench_options& o) {
  const auto cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  const std::vector<variant> variants{{"bare", 1, 0},     {"fill", 1, 0},        {"windows", 1, 0}, {"tail", 1, 0},
                                      {"fill", 4, cores}, {"windows", 4, cores}, {"tail", 4, cores}};
  std::vector<std::string> order;
  std::map<std::string, series> all;
  for (int round = 0; round < o.rounds; ++round) {
    double bare_ns = 0;
    for (const auto& v : variants) {
      if (!wanted(o, v)) continue;
      if (v.stage != "windows") std::filesystem::remove_all(o.folder / "data");
      auto line = run_apart(o, v);
      const auto answer = o.folder / (v.stage + ".answer");
      if ((v.stage == "windows" || v.stage == "tail") && !same_answer(answer, o.folder / "bare.answer"))
        throw std::runtime_error(
            fmt::format("{} with {} shards gave other windows than the bare loop: compare {} and {}", v.stage, v.shards,
                        answer.string(), (o.folder / "bare.answer").string()));
      line["round"] = round + 1;
      std::cout << line.dump() << std::endl;
      const double ns = line["cpu_ns_per_record"];
      if (v.stage == "bare") bare_ns = ns;
      const auto name = v.stage == "bare"
                            ? v.stage
                            : fmt::format("{}, {} shards, {} threads", v.stage, v.shards, std::max(1, v.threads));
      if (round == 0) order.push_back(name);
      auto& s = all[name];
      s.records_per_s.push_back(line["records_per_s"]);
      s.cpu_ns.push_back(ns);
      s.cpu_ratio.push_back(ns / bare_ns);
      s.peak_mb.push_back(line["peak_mb"]);
      s.commits.push_back(line.value("commits", 0.0));
    }
  }
  print_table(order, all);
}

bench_options parse(int argc, char** argv) {
  bench_options o;
  read_options(argc, argv,
               {{"--records", [&](const std::string& v) { o.records = std::stoul(v); }},
                {"--rounds", [&](const std::string& v) { o.rounds = std::stoi(v); }},
                {"--stage", [&](const std::string& v) { o.stage = v; }},
                {"--shards", [&](const std::string& v) { o.shards = std::stoi(v); }},
                {"--commit-interval-ms", [&](const std::string& v) { o.commit_interval_ms = std::stoi(v); }},
                {"--folder", [&](const std::string& v) { o.folder = v; }}});
  if (o.folder.empty() || o.records == 0 || o.rounds < 1)
    throw std::invalid_argument("--folder is needed; records and rounds are at least 1");
  return o;
}

}  // namespace

}  // namespace weir::bench

int main(int argc, char** argv) {
  using namespace weir::bench;
  bench_options options;
  return run_program(
      "w1_bench", "--folder FOLDER [--records N] [--rounds N] [--stage NAME] [--shards N] [--commit-interval-ms N]",
      [&] { options = parse(argc, argv); },
      [&] {
        std::filesystem::create_directories(options.folder);
        run_rounds(options);
        std::filesystem::remove_all(options.folder / "data");
      });
}

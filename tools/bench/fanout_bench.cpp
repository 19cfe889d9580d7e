// Fan-out of a real node: rows of one view to many WebSocket subscribers, and what that costs ingest (README.md).
//
//   push     a followed file grows by some lines a second; each becomes a row for every subscriber
//   ingest   the same, while a large file goes through ingest and a windowed view as fast as it can
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>
#include <stdexcept>
#include <thread>

#include "tools/bench/live_subscribers.hpp"
#include "tools/bench/program.hpp"

namespace weir::bench {

namespace {

constexpr std::string_view sql = R"(
CREATE TABLE pushed (n bigint) WITH (format = 'json');
CREATE MATERIALIZED VIEW news AS SELECT event_time AS at, n FROM pushed;
CREATE TABLE readings (sensor text, value double precision) WITH (format = 'json');
CREATE MATERIALIZED VIEW windows AS
  SELECT window_start, sensor, count(*) AS n, max(value) AS best FROM tumble(readings, interval '5 seconds')
  GROUP BY window_start, sensor;
)";
constexpr std::chrono::seconds ingest_patience{120};
// The end of a file closes the window that holds its last record; what comes to that window later is late, and late
// rows cost more than others.
constexpr std::chrono::milliseconds next_window{5'500};

struct fanout_options {
  std::filesystem::path node, folder;
  int rate = 20;     // rows a second
  int seconds = 10;  // of each measurement of push
  int rounds = 3;    // of ingest
  int records = 1'000'000;
};

std::string config_of() {
  return R"(
[node]
log_level = "warning"
[log]
disk_reserve = "0 B"
[sources.file]
allow = ["in"]
poll_interval = "10 ms"
[supervision]
watch_interval = "20 ms"
[gateway]
port = 0
max_connections = 4096
max_subscriptions = 4096
[[pipeline]]
name = "views"
file = "views.sql"
from = "beginning"
[[source]]
name = "ticker"
stream = "pushed"
connector = "file"
path = "in/ticker.ndjson"
follow = "true"
)";
}

// Appends lines to the followed file at a steady rate until it is destroyed.
class ticker {
 public:
  ticker(std::filesystem::path file, int rate) : out_(std::move(file), std::ios::app) {
    thread_ = std::thread([this, rate] {
      auto next = std::chrono::steady_clock::now();
      while (!ending_) {
        out_ << "{\"n\":" << written_++ << "}\n" << std::flush;
        next += std::chrono::microseconds(1'000'000 / rate);
        std::this_thread::sleep_until(next);
      }
    });
  }
  ~ticker() {
    ending_ = true;
    thread_.join();
  }

 private:
  std::ofstream out_;
  std::atomic<bool> ending_{false};
  std::uint64_t written_ = 0;
  std::thread thread_;
};

double since(std::chrono::steady_clock::time_point from) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - from).count();
}

std::int64_t at(const std::vector<std::int64_t>& ascending, double share) {
  if (ascending.empty()) return 0;
  const auto last = ascending.size() - 1;
  return ascending[std::min(last, static_cast<std::size_t>(share * static_cast<double>(ascending.size())))];
}

// What each kind of thread has used since.
nlohmann::json used_since(const node_process& node, const std::map<std::string, double>& before) {
  nlohmann::json out;
  for (const auto& [name, s] : node.cpu_by_thread_s()) {
    const auto it = before.find(name);
    const auto used = s - (it == before.end() ? 0 : it->second);
    if (used >= 0.01) out[name] = std::round(used * 100) / 100;
  }
  return out;
}

void push(node_process& node, const fanout_options& o, int subscribers) {
  live_subscribers clients(node.address(), "news", subscribers, "at");
  const auto cpu = node.cpu_s(), clients_cpu = clients.cpu_s();
  const auto threads = node.cpu_by_thread_s();
  const auto from = std::chrono::steady_clock::now();
  {
    ticker running(o.folder / "in" / "ticker.ndjson", o.rate);
    std::this_thread::sleep_for(std::chrono::seconds(o.seconds));
  }
  const auto wall = since(from), used = node.cpu_s() - cpu, used_by_clients = clients.cpu_s() - clients_cpu;
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  const auto messages = clients.messages(), rows = clients.rows();
  const auto ages = clients.finish();
  if (rows == 0) throw std::runtime_error("no row reached a subscriber");
  const nlohmann::json line{{"stage", "push"},
                            {"subscribers", subscribers},
                            {"rows_per_s", o.rate},
                            {"messages_per_s", static_cast<double>(messages) / wall},
                            {"rows_pushed_per_s", static_cast<double>(rows) / wall},
                            {"p50_ms", static_cast<double>(at(ages, 0.5)) / 1e3},
                            {"p99_ms", static_cast<double>(at(ages, 0.99)) / 1e3},
                            {"node_cpu_share", used / wall},
                            {"node_cpu_us_per_message", used * 1e6 / static_cast<double>(messages)},
                            {"clients_cpu_us_per_message", used_by_clients * 1e6 / static_cast<double>(messages)},
                            {"node_cpu_s_by_thread", used_since(node, threads)}};
  std::cout << line.dump() << std::endl;
}

void write_readings(const fanout_options& o) {
  std::ofstream out(o.folder / "in" / "readings.ndjson", std::ios::binary);
  std::mt19937_64 random(7);
  for (int i = 0; i < o.records; ++i)
    out << fmt::format("{{\"sensor\":\"s{:04}\",\"value\":{}.{},\"status\":\"ok\",\"site\":\"north-atlantic\"}}\n",
                       random() % 1'000, random() % 40, random() % 1'000);
}

// Records that the views have taken since the node's start.
std::uint64_t taken(node_process& node) {
  const auto views = node.ask("GET", "/v1/pipelines/views").second;
  return views.is_object() ? views.value("records", std::uint64_t{0}) : 0;
}

// Records a second, from the file into the windowed view, while that many follow the other view.
double ingest(node_process& node, const fanout_options& o, int subscribers, int number) {
  live_subscribers clients(node.address(), "news", subscribers, "at");
  ticker running(o.folder / "in" / "ticker.ndjson", o.rate);
  const auto name = fmt::format("readings-{}", number);
  const nlohmann::json source{{"name", name},
                              {"stream", "readings"},
                              {"connector", "file"},
                              {"options", {{"path", (o.folder / "in" / "readings.ndjson").string()}}}};
  std::this_thread::sleep_for(next_window);
  const auto before = taken(node), messages = clients.messages();
  const auto cpu = node.cpu_s(), clients_cpu = clients.cpu_s();
  const auto threads = node.cpu_by_thread_s();
  const auto from = std::chrono::steady_clock::now();
  const auto [code, answer] = node.ask("POST", "/v1/sources", source.dump());
  if (code / 100 != 2) throw std::runtime_error(fmt::format("the source was refused: {} {}", code, answer.dump()));
  for (; taken(node) < before + static_cast<std::uint64_t>(o.records);
       std::this_thread::sleep_for(std::chrono::milliseconds(10)))
    if (std::chrono::steady_clock::now() - from > ingest_patience)
      throw std::runtime_error("the readings are not through");
  const auto wall = since(from);
  if (node.ask("GET", "/v1/sources/" + name).second.value("late", 1) != 0)
    throw std::runtime_error("readings came late: another measurement has closed their window");
  const nlohmann::json line{{"stage", "ingest"},
                            {"subscribers", subscribers},
                            {"rows_per_s", o.rate},
                            {"records", o.records},
                            {"records_per_s", o.records / wall},
                            {"node_cpu_s", node.cpu_s() - cpu},
                            {"clients_cpu_s", clients.cpu_s() - clients_cpu},
                            {"node_cpu_s_by_thread", used_since(node, threads)},
                            {"messages", clients.messages() - messages}};
  std::cout << line.dump() << std::endl;
  return o.records / wall;
}

void run(const fanout_options& o) {
  std::filesystem::remove_all(o.folder);
  std::filesystem::create_directories(o.folder / "in");
  std::ofstream(o.folder / "views.sql") << sql;
  std::ofstream(o.folder / "in" / "ticker.ndjson").close();
  write_readings(o);
  node_process node(o.node, o.folder, config_of());
  for (const int subscribers : {1, 100, 1'000}) push(node, o, subscribers);
  std::vector<double> alone, beside;
  for (int round = 0; round < o.rounds; ++round) {
    alone.push_back(ingest(node, o, 0, 2 * round));
    beside.push_back(ingest(node, o, 1'000, 2 * round + 1));
  }
  fmt::print("\ningest with 1,000 subscribers: {:.0f} records/s instead of {:.0f}, {:.1f} % less; peak {} MB\n",
             median(beside), median(alone), 100 * (1 - median(beside) / median(alone)), node.peak_mb());
}

fanout_options parse(int argc, char** argv) {
  fanout_options o;
  read_options(argc, argv,
               {{"--node", [&](const std::string& v) { o.node = std::filesystem::absolute(v); }},
                {"--folder", [&](const std::string& v) { o.folder = std::filesystem::absolute(v); }},
                {"--rate", [&](const std::string& v) { o.rate = std::stoi(v); }},
                {"--seconds", [&](const std::string& v) { o.seconds = std::stoi(v); }},
                {"--rounds", [&](const std::string& v) { o.rounds = std::stoi(v); }},
                {"--records", [&](const std::string& v) { o.records = std::stoi(v); }}});
  const bool good = !o.node.empty() && !o.folder.empty() && o.rate >= 1 && o.rate <= 100'000 && o.seconds >= 1 &&
                    o.seconds <= 300 && o.rounds >= 1 && o.rounds <= 100 && o.records >= 1 && o.records <= 10'000'000;
  if (!good) throw std::invalid_argument("--node and --folder are needed, and numbers in their limits");
  return o;
}

}  // namespace

}  // namespace weir::bench

int main(int argc, char** argv) {
  using namespace weir::bench;
  fanout_options options;
  return run_program(
      "fanout_bench", "--node PROGRAM --folder FOLDER [--rate ROWS_PER_S] [--seconds N] [--rounds N] [--records N]",
      [&] { options = parse(argc, argv); },
      [&] {
        run(options);
        std::filesystem::remove_all(options.folder);
      });
}

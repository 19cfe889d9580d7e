// What POST and MQTT cost, and how soon their records reach a WebSocket (README.md): a real node beside the bare loops
// in one run.
//
//   saturation   clients send as fast as they are taken: records a second, CPU of node, broker and clients
//   latency      half of that load, at a steady rate: from when a record was due at the client to the WebSocket message
//                that brings its row; one record in ten becomes a row
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <stdexcept>
#include <thread>

#include "tools/bench/bare_http.hpp"
#include "tools/bench/clocks.hpp"
#include "tools/bench/live_subscribers.hpp"
#include "tools/bench/mqtt_peers.hpp"
#include "tools/bench/post_clients.hpp"
#include "tools/bench/program.hpp"

namespace weir::bench {

namespace {

using json = nlohmann::json;

constexpr std::string_view sql = R"(
CREATE TABLE posted (sensor text, sent_us bigint, value double precision) WITH (format = 'json');
CREATE MATERIALIZED VIEW posted_rows AS SELECT sensor, sent_us, value FROM posted WHERE value < 20;
CREATE TABLE published (sensor text, sent_us bigint, value double precision) WITH (format = 'json');
CREATE MATERIALIZED VIEW published_rows AS SELECT sensor, sent_us, value FROM published WHERE value < 20;
)";
constexpr const char *node_topic = "in/node", *bare_topic = "in/bare";
constexpr std::int64_t patience_us = 60'000'000;

struct edges_options {
  std::filesystem::path node, folder;
  double seconds = 4;  // of each measurement
  int rounds = 3;
  int connections = 64;
};

std::string config_of(std::uint16_t broker) {
  return fmt::format(R"(
[node]
log_level = "warning"
[log]
disk_reserve = "0 B"
durability = "process"
[sources.mqtt]
allow = ["127.0.0.1:{0}"]
[gateway]
port = 0
max_backlog_rows = 100000000
[[pipeline]]
name = "views"
file = "views.sql"
from = "beginning"
[[source]]
name = "messages"
stream = "published"
connector = "mqtt"
url = "mqtt://127.0.0.1:{0}"
topic = "{1}"
receive_maximum = 20000
)",
                     broker, node_topic);
}

double at(const std::vector<std::int64_t>& ascending, double share) {
  if (ascending.empty()) return 0;
  const auto place = static_cast<std::size_t>(share * static_cast<double>(ascending.size()));
  return static_cast<double>(ascending[std::min(place, ascending.size() - 1)]) / 1e3;
}

void wait_until(const char* what, const std::function<bool()>& done) {
  const auto end = wall_clock_us() + patience_us;
  for (; !done(); std::this_thread::sleep_for(std::chrono::milliseconds(1)))
    if (wall_clock_us() > end) throw std::runtime_error(fmt::format("waited in vain: {}", what));
}

// One measurement of one side.
struct outcome {
  load_result sent;
  double wall_s = 0;  // until all has arrived
  double server_cpu_s = 0, broker_cpu_s = 0, receiver_cpu_s = 0;
  std::vector<std::int64_t> ages_us;  // ascending

  double rate() const { return static_cast<double>(sent.records) / wall_s; }
  double cpu_us() const { return server_cpu_s * 1e6 / static_cast<double>(sent.records); }
  double client_share() const {
    return (sent.client_cpu_s + receiver_cpu_s) / wall_s / std::max(1u, std::thread::hardware_concurrency());
  }
};

// A node with its followers, a broker, and the bare loops, for one run.
class edges {
 public:
  explicit edges(const edges_options& o) : options_(o) {
    std::filesystem::remove_all(o.folder);
    std::filesystem::create_directories(o.folder);
    std::ofstream(o.folder / "views.sql") << sql;
    broker_.emplace(o.folder);
    node_.emplace(o.node, o.folder, config_of(broker_->port()));
    wait_until("the node subscribes", [this] {
      const auto state = node_->ask("GET", "/v1/sources/messages").second.value("state", "");
      return state == "running" || state == "waiting";
    });
  }

  outcome post_to_node(const load& what) {
    return follow("posted_rows", [&](const live_subscribers&) {
      return post_records(node_->address(), "posted", options_.connections, what);
    });
  }

  outcome post_to_bare(const load& what) {
    outcome out;
    bare_http server;
    out.sent = post_records({server.port(), "none"}, "posted", options_.connections, what);
    out.wall_s = out.sent.wall_s;
    out.server_cpu_s = server.cpu_s();
    out.ages_us = out.sent.answer_us;
    return out;
  }

  outcome publish_to_node(const load& what) {
    return follow("published_rows", [&](const live_subscribers& rows) {
      return publish_records(broker_->port(), node_topic, what, [&] { return rows.rows() * records_per_row; });
    });
  }

  outcome publish_to_bare(const load& what) {
    outcome out;
    bare_consumer consumer(broker_->port(), bare_topic);
    const auto broker = broker_->cpu_s();
    const auto from = wall_clock_us();
    out.sent = publish_records(broker_->port(), bare_topic, what, [&] { return consumer.received(); });
    wait_until("the bare consumer has every message", [&] { return consumer.received() >= out.sent.records; });
    out.wall_s = static_cast<double>(wall_clock_us() - from) / 1e6;
    out.broker_cpu_s = broker_->cpu_s() - broker;
    out.server_cpu_s = consumer.cpu_s();
    out.ages_us = consumer.finish();
    return out;
  }

  std::uint64_t peak_mb() const { return node_->peak_mb(); }

 private:
  outcome follow(const std::string& view, const std::function<load_result(const live_subscribers&)>& send) {
    outcome out;
    live_subscribers rows(node_->address(), view, 1, "sent_us");
    const auto cpu = node_->cpu_s(), broker = broker_->cpu_s();
    const auto from = wall_clock_us();
    out.sent = send(rows);
    wait_until("every row has reached the subscriber", [&] { return rows.rows() >= out.sent.rows(); });
    out.wall_s = static_cast<double>(wall_clock_us() - from) / 1e6;
    out.server_cpu_s = node_->cpu_s() - cpu;
    out.broker_cpu_s = broker_->cpu_s() - broker;
    out.receiver_cpu_s = rows.cpu_s();
    out.ages_us = rows.finish();
    return out;
  }

  edges_options options_;
  std::optional<mosquitto> broker_;
  std::optional<node_process> node_;
};

// The figures of one way in, over the rounds.
struct series {
  std::vector<double> rate, bare_rate, rate_ratio, cpu_us, bare_cpu_us, cpu_ratio, broker_us, clients, half, p50, p99,
      bare_p50, bare_p99, half_clients;
};

void print_line(const std::string& way, const char* stage, const char* side, const outcome& o) {
  const json line{{"way", way},
                  {"stage", stage},
                  {"side", side},
                  {"records", o.sent.records},
                  {"records_per_s", o.rate()},
                  {"cpu_us_per_record", o.cpu_us()},
                  {"broker_cpu_us_per_record", o.broker_cpu_s * 1e6 / static_cast<double>(o.sent.records)},
                  {"clients_share_of_machine", o.client_share()},
                  {"p50_ms", at(o.ages_us, 0.5)},
                  {"p99_ms", at(o.ages_us, 0.99)},
                  {"answer_p50_ms", at(o.sent.answer_us, 0.5)},
                  {"answer_p99_ms", at(o.sent.answer_us, 0.99)}};
  std::cout << line.dump() << std::endl;
}

using side = std::function<outcome(const load&)>;

void measure(const std::string& way, load what, const side& bare, const side& node, series& to) {
  const auto bare_full = bare(what);
  print_line(way, "saturation", "bare", bare_full);
  const auto full = node(what);
  print_line(way, "saturation", "node", full);
  what.rate = full.rate() / 2;
  const auto bare_half = bare(what);
  print_line(way, "half load", "bare", bare_half);
  const auto half = node(what);
  print_line(way, "half load", "node", half);
  to.rate.push_back(full.rate());
  to.bare_rate.push_back(bare_full.rate());
  to.rate_ratio.push_back(full.rate() / bare_full.rate());
  to.cpu_us.push_back(full.cpu_us());
  to.bare_cpu_us.push_back(bare_full.cpu_us());
  to.cpu_ratio.push_back(full.cpu_us() / bare_full.cpu_us());
  to.broker_us.push_back(full.broker_cpu_s * 1e6 / static_cast<double>(full.sent.records));
  to.clients.push_back(full.client_share());
  to.half.push_back(half.rate());
  to.half_clients.push_back(half.client_share());
  to.p50.push_back(at(half.ages_us, 0.5));
  to.p99.push_back(at(half.ages_us, 0.99));
  to.bare_p50.push_back(at(bare_half.ages_us, 0.5));
  to.bare_p99.push_back(at(bare_half.ages_us, 0.99));
}

void print_tables(const std::map<std::string, series>& all) {
  fmt::print("\n{:<24}{:>12}{:>12}{:>8}{:>12}{:>10}{:>8}{:>12}{:>10}\n", "saturation (medians)", "records/s", "bare",
             "share", "CPU us/rec", "bare", "times", "broker us", "clients");
  for (const auto& [way, s] : all)
    fmt::print("{:<24}{:>12.0f}{:>12.0f}{:>8.2f}{:>12.2f}{:>10.2f}{:>8.1f}{:>12.2f}{:>9.0f}%\n", way, median(s.rate),
               median(s.bare_rate), median(s.rate_ratio), median(s.cpu_us), median(s.bare_cpu_us), median(s.cpu_ratio),
               median(s.broker_us), 100 * median(s.clients));
  fmt::print("\n{:<24}{:>12}{:>10}{:>10}{:>12}{:>12}{:>10}\n", "half load (medians)", "records/s", "p50 ms", "p99 ms",
             "bare p50 ms", "bare p99 ms", "clients");
  for (const auto& [way, s] : all)
    fmt::print("{:<24}{:>12.0f}{:>10.1f}{:>10.1f}{:>12.1f}{:>12.1f}{:>9.0f}%\n", way, median(s.half), median(s.p50),
               median(s.p99), median(s.bare_p50), median(s.bare_p99), 100 * median(s.half_clients));
}

void run(const edges_options& o) {
  edges e(o);
  std::map<std::string, series> all;
  for (int round = 0; round < o.rounds; ++round) {
    for (const int at_once : {1, 100}) {
      const auto way = fmt::format("POST, {} a request", at_once);
      measure(
          way, {at_once, 0, o.seconds}, [&](const load& l) { return e.post_to_bare(l); },
          [&](const load& l) { return e.post_to_node(l); }, all[way]);
    }
    measure(
        "MQTT, QoS 1", {1, 0, o.seconds}, [&](const load& l) { return e.publish_to_bare(l); },
        [&](const load& l) { return e.publish_to_node(l); }, all["MQTT, QoS 1"]);
  }
  print_tables(all);
  fmt::print("\nthe node's peak: {} MB\n", e.peak_mb());
}

edges_options parse(int argc, char** argv) {
  edges_options o;
  read_options(argc, argv,
               {{"--node", [&](const std::string& v) { o.node = std::filesystem::absolute(v); }},
                {"--folder", [&](const std::string& v) { o.folder = std::filesystem::absolute(v); }},
                {"--seconds", [&](const std::string& v) { o.seconds = std::stod(v); }},
                {"--rounds", [&](const std::string& v) { o.rounds = std::stoi(v); }},
                {"--connections", [&](const std::string& v) { o.connections = std::stoi(v); }}});
  const bool good = !o.node.empty() && !o.folder.empty() && o.seconds >= 0.1 && o.seconds <= 600 && o.rounds >= 1 &&
                    o.rounds <= 100 && o.connections >= 1 && o.connections <= 1'000;
  if (!good) throw std::invalid_argument("--node and --folder are needed, and numbers in their limits");
  return o;
}

}  // namespace

}  // namespace weir::bench

int main(int argc, char** argv) {
  using namespace weir::bench;
  edges_options options;
  return run_program(
      "edges_bench", "--node PROGRAM --folder FOLDER [--seconds N] [--rounds N] [--connections N]",
      [&] { options = parse(argc, argv); },
      [&] {
        run(options);
        std::filesystem::remove_all(options.folder);
      });
}

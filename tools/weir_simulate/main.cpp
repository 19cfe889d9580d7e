// weir-simulate: instruments outside of the node. They send what the `simulate` connector computes inside, over the
// protocols of real ones, for demos and load.
//
// Exit codes: 0 all was confirmed, 1 not all (the summary tells), 2 wrong usage, 130 Ctrl-C.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <iostream>
#include <random>

#include "runtime/time/timestamp.hpp"
#include "tools/weir_simulate/http_delivery.hpp"
#include "tools/weir_simulate/mqtt_delivery.hpp"
#include "tools/weir_simulate/simulation.hpp"

namespace {

using namespace weir;
using namespace weir::simulate;

std::atomic<bool> stopped{false};

void on_interrupt(int signal) {
  stopped = true;
  std::signal(signal, SIG_DFL);
}

struct arguments {
  cli::endpoint_flags node;
  std::string instrument = "sock-camera", stream, source, key, start, format = "text";
  double seconds = 10;
  mqtt_flags mqtt;
  simulation_options run;
};

std::optional<std::string> environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

int report(const error& e) {
  fmt::print(stderr, "weir-simulate: {}\n", e.message);
  if (!e.hint.empty()) fmt::print(stderr, "  {}\n", e.hint);
  return 1;
}

void add_options(CLI::App& app, arguments& a) {
  std::vector<std::string> instruments;
  for (const auto& kind : instrument_kinds()) instruments.emplace_back(kind.name);
  auto* stream = app.add_option("--stream", a.stream, "Stream that the records go to, by POST");
  auto* broker = app.add_option("--mqtt", a.mqtt.url, "Publish to this broker instead: mqtt://host:port, mqtts://...");
  stream->excludes(broker);
  app.add_option("--source", a.source, "Source to post as; several instruments: NAME-0, NAME-1, ... (default: none)");
  app.add_option("--instrument", a.instrument, "What is simulated")
      ->check(CLI::IsMember(instruments))
      ->capture_default_str();
  app.add_option("--instruments", a.run.instruments, "How many of them, each on a connection of its own")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000}))
      ->capture_default_str();
  app.add_option("--rate", a.run.rate, "Records per second of all together; 0: as fast as they are taken")
      ->check(CLI::Range(0.0, 1e7))
      ->capture_default_str();
  app.add_option("--seconds", a.seconds, "How long they send at most")
      ->check(CLI::Range(0.01, 86'400.0))
      ->capture_default_str();
  app.add_option("--count", a.run.count, "Records of all together; 0: until the time is over")
      ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{1'000'000'000}))
      ->capture_default_str();
  app.add_option("--batch", a.run.batch, "Records of one request")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{100'000}))
      ->capture_default_str();
  app.add_option("--seed", a.run.seed, "Another seed gives other records")->capture_default_str();
  app.add_option("--speed", a.run.speed, "weather-station: event seconds per second")
      ->check(CLI::Range(1e-3, 1e6))
      ->capture_default_str();
  app.add_option("--start", a.start, "weather-station: event time of the first record (default: a year ago)");
  app.add_option("--key", a.key, "Name of this run: run again with it, no record enters twice (default: a random one)");
  app.add_option("--url", a.node.url, "Address of the node")->group("Node");
  app.add_option("--token", a.node.token, "Its token")->group("Node");
  app.add_option("--token-file", a.node.token_file, "File that holds the token")->group("Node")->type_name("FILE");
  app.add_option("--node-file", a.node.node_file, "node.json that the node wrote")->group("Node")->type_name("FILE");
  const auto of_broker = [&](const char* name, std::string& to, const char* what) {
    return app.add_option(name, to, what)->group("MQTT")->needs(broker);
  };
  of_broker("--topic", a.mqtt.topic, "Topic of the messages; several instruments: TOPIC/0, TOPIC/1, ...");
  of_broker("--mqtt-version", a.mqtt.version, "5 or 3.1.1")
      ->check(CLI::IsMember({"5", "3.1.1"}))
      ->capture_default_str();
  of_broker("--username", a.mqtt.username, "User at the broker");
  of_broker("--password-file", a.mqtt.password_file, "File with the password")->type_name("FILE");
  of_broker("--ca-file", a.mqtt.ca_file, "PEM of the CA that signed the broker's certificate")->type_name("FILE");
  app.add_option("-o,--output", a.format, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
}

status complete(arguments& a) {
  for (const auto& kind : instrument_kinds())
    if (kind.name == a.instrument) a.run.kind = &kind;
  a.run.time = std::chrono::milliseconds(static_cast<std::int64_t>(a.seconds * 1'000));
  constexpr std::int64_t year_us = 365 * us_per_day;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  a.run.start_us = std::chrono::duration_cast<std::chrono::microseconds>(now).count() - year_us;
  if (!a.start.empty()) {
    WEIR_TRY(start, parse_timestamp(a.start));
    a.run.start_us = start;
  }
  std::random_device random;
  if (a.key.empty()) a.key = fmt::format("{:08x}{:08x}", random(), random());
  return {};
}

void print(const simulation_summary& s, const std::string& format) {
  const cli::json out{{"sent", s.sent},
                      {"accepted", s.accepted},
                      {"dead", s.dead},
                      {"retried", s.retried},
                      {"requests", s.batches},
                      {"seconds", s.seconds},
                      {"records_per_second", s.seconds > 0 ? static_cast<double>(s.accepted) / s.seconds : 0},
                      {"latency_p50_ms", s.latency(0.5)},
                      {"latency_p99_ms", s.latency(0.99)},
                      {"latency_max_ms", s.latency(1)}};
  if (format == "json") return fmt::print("{}\n", out.dump(2));
  for (const auto& [key, value] : out.items()) {
    const auto text = value.is_number_float() ? fmt::format("{:.2f}", value.get<double>()) : value.dump();
    fmt::print("{:<20}{:>14}\n", key, text);
  }
}

int play(const arguments& a, const connector_of& connect) {
  const auto summary = run(a.run, connect, stopped);
  print(summary, a.format);
  for (const auto& problem : summary.problems) fmt::print(stderr, "weir-simulate: {}\n", problem);
  if (stopped) return 130;
  return summary.problems.empty() && summary.accepted == summary.sent ? 0 : 1;
}

int simulate_over_mqtt(const arguments& a) {
  const auto checked = read_flags(a.mqtt, "weir-simulate-" + a.key);
  if (!checked) return report(checked.error());
  return play(a, [&](std::uint64_t instrument) -> result<std::unique_ptr<delivery>> {
    auto o = *checked;
    o.broker.connect.client_id += fmt::format("-{}", instrument);
    if (a.run.instruments > 1) o.topic += fmt::format("/{}", instrument);
    return std::make_unique<mqtt_delivery>(std::move(o), stopped);
  });
}

int simulate_over_http(const arguments& a) {
  const cli::terminal io{std::cout, std::cerr, false, false, 0, environment, stopped};
  const auto node = cli::find_endpoint(a.node, io);
  if (!node) return report(node.error());
  return play(a, [&](std::uint64_t instrument) -> result<std::unique_ptr<delivery>> {
    http_options o;
    o.node = *node;
    o.stream = a.stream;
    o.source = a.source.empty() || a.run.instruments == 1 ? a.source : fmt::format("{}-{}", a.source, instrument);
    o.key = a.key;
    return std::make_unique<http_delivery>(std::move(o), stopped);
  });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("weir-simulate plays instruments outside of the node and sends their records to it.");
  arguments a;
  add_options(app, a);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  std::signal(SIGINT, on_interrupt);
  std::signal(SIGTERM, on_interrupt);
  std::signal(SIGPIPE, SIG_IGN);
  if (auto good = complete(a); !good) return report(good.error());
  if (!a.mqtt.url.empty()) return simulate_over_mqtt(a);
  if (a.stream.empty()) {
    report({errc::invalid_argument, "give --stream for POST, or --mqtt and --topic", {}});
    return 2;
  }
  return simulate_over_http(a);
}

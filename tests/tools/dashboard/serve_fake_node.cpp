// Serves the dashboard over a node in memory, with sources in several states and two views that grow: for work on the
// page. serve_fake_node PORT [UI_DIR] [--empty | --many]
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <thread>

#include "actors/gateway/gateway.hpp"
#include "tests/support/fake_node.hpp"

namespace {

using json = nlohmann::json;

std::string time_text(std::int64_t seconds) {
  const std::time_t at = seconds;
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&at));
  return text;
}

json source(const char* name, const char* stream, const char* state, double rate, json lag, json error, json next_try) {
  return {{"name", name}, {"stream", stream}, {"connector", "simulate"}, {"options", json::object()}, {"state", state},
          {"rate", rate}, {"lag", lag},       {"last_error", error},     {"next_try", next_try}};
}

void fill(weir::fake_node& node) {
  node.sources["sock-camera-1"] = source("sock-camera-1", "camera", "running", 3.02, 0.12, nullptr, nullptr);
  node.sources["sock-camera-2"] = source("sock-camera-2", "camera", "running", 1284.5, 0.3, nullptr, nullptr);
  node.sources["station-oslo"] = source("station-oslo", "weather", "paused", 0, 184.0, nullptr, nullptr);
  node.sources["station-bergen"] = source("station-bergen", "weather", "waiting", 0, 32.5,
                                          "connection refused: 10.0.0.7:1883", "2026-03-01T12:00:30Z");
  node.sources["ifcb-archive"] = source("ifcb-archive", "ifcb", "ended", 0, nullptr, nullptr, nullptr);
  node.sources["glider-7"] = source("glider-7", "weather", "failed", 0, nullptr,
                                    "line 118 of glider.csv: 'salinity' is no number: <b>NaN?</b>", nullptr);
  for (int i = 0; i < 16; ++i) {
    const auto name = fmt::format("post.camera.{}", i);
    node.sources[name] =
        source(name.c_str(), "camera", i == 0 ? "running" : "waiting", i == 0 ? 2.5 : 0, 0.5 + i, nullptr, nullptr);
    node.sources[name]["group"] = "post.camera";
  }
  node.add_view("sock_seen", "upsert",
                {{{"name", "window_start"}, {"type", "timestamptz"}},
                 {{"name", "image"}, {"type", "text"}},
                 {{"name", "seen"}, {"type", "bigint"}},
                 {{"name", "best"}, {"type", "double precision"}}},
                {"window_start", "image"});
  node.add_view("weather_5s", "append",
                {{{"name", "window_start"}, {"type", "timestamptz"}},
                 {{"name", "station"}, {"type", "text"}},
                 {{"name", "celsius"}, {"type", "double precision"}},
                 {{"name", "wind"}, {"type", "double precision"}}},
                json::array());
}

// Without views: more sources than the page shows at once.
void fill_with_many(weir::fake_node& node) {
  for (int i = 0; i < 450; ++i) {
    const auto name = fmt::format("camera-{:03}", i);
    node.sources[name] = source(name.c_str(), "camera", "running", 1, 0.1, nullptr, nullptr);
  }
}

void grow(weir::fake_node& node, std::int64_t second) {
  const char* socks[] = {"Striped", "Argyle", "Plain"};
  const auto window = time_text(second - second % 5);
  for (int i = 0; i < 3; ++i) {
    const double wave = std::sin(static_cast<double>(second) / 20 + i);
    node.views["sock_seen"]->append(
        weir::live_row::kind::row,
        {{"window_start", window}, {"image", socks[i]}, {"seen", 4 + i + second % 5}, {"best", 0.8 + 0.15 * wave}});
  }
  const char* stations[] = {"oslo", "bergen"};
  for (int i = 0; i < 2; ++i) {
    const double wave = std::sin(static_cast<double>(second) / 30 + 2 * i);
    node.views["weather_5s"]->append(weir::live_row::kind::row, {{"window_start", window},
                                                                 {"station", stations[i]},
                                                                 {"celsius", std::round(100 * (6 + 3 * wave)) / 100},
                                                                 {"wind", 4.5 + 2 * wave}});
  }
}

}  // namespace

int main(int count, char** arguments) {
  weir::fake_node node;
  weir::gateway_options options{.token = "demo"};
  bool empty = false, many = false;
  for (int i = 1; i < count; ++i) {
    if (std::strcmp(arguments[i], "--empty") == 0) {
      empty = true;
    } else if (std::strcmp(arguments[i], "--many") == 0) {
      empty = many = true;
    } else if (i == 1) {
      options.port = static_cast<std::uint16_t>(std::atoi(arguments[i]));
    } else {
      options.ui_dir = arguments[i];
    }
  }
  if (!empty) fill(node);
  if (many) fill_with_many(node);
  const std::int64_t begin = std::time(nullptr);
  for (std::int64_t past = begin - 600; !empty && past < begin; ++past) grow(node, past);
  auto running = weir::gateway::start(options, node);
  if (!running) {
    std::fprintf(stderr, "%s\n", running.error().text().c_str());
    return 1;
  }
  std::printf("http://127.0.0.1:%d/?token=demo\n", (*running)->port());
  std::fflush(stdout);
  for (std::int64_t second = begin;; ++second) {
    std::this_thread::sleep_for(std::chrono::seconds(1));
    node.uptime_s = static_cast<double>(second - begin);
    if (!empty) grow(node, second);
  }
}

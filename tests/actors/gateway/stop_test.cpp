#include <catch2/catch.hpp>
#include <thread>

#include "tests/actors/gateway/http_client.hpp"

using namespace weir;
using std::chrono::milliseconds;

namespace {

milliseconds time_of(const std::function<void()>& run) {
  const auto begin = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - begin);
}

}  // namespace

TEST_CASE("a stop lets a request under way finish", "[gateway]") {
  served_node served;
  served.node.holds_replies = true;
  http_client client(served.port());
  client.send(request_text("DELETE", "/v1/sources/cam1", {bearer}));
  REQUIRE(eventually([&] { return served.node.commands().size() == 1; }));
  std::thread stopping([&] { served.server->stop(); });
  std::this_thread::sleep_for(milliseconds(50));
  served.node.release_replies();
  const auto answer = client.read_answer();
  CHECK(answer.status == 200);
  CHECK(answer.headers.at("connection") == "close");
  stopping.join();
}

TEST_CASE("a stop waits for a node that never answers no longer than its limit", "[gateway]") {
  served_node served({.stop_timeout = milliseconds(200)});
  served.node.holds_replies = true;
  http_client client(served.port());
  client.send(request_text("DELETE", "/v1/sources/cam1", {bearer}));
  REQUIRE(eventually([&] { return served.node.commands().size() == 1; }));
  const auto took = time_of([&] { served.server->stop(); });
  CHECK(took >= milliseconds(150));
  CHECK(took < milliseconds(2'500));
  CHECK(client.ends_within(milliseconds(1'000)));
  served.server.reset();
  served.node.release_replies();  // the answer comes after the gateway's end
}

TEST_CASE("a stop under load is quick, and nothing listens afterwards", "[gateway]") {
  served_node served({.threads = 2});
  const auto port = served.port();
  std::atomic<bool> running{true};
  std::atomic<int> answered{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&, i] {
      while (running) {
        http_client client(port);
        const auto target = i % 2 == 0 ? "/v1/views/seen/live" : "/v1/sources";
        if (!client.connected() || !client.send(request_text("GET", target, {bearer}))) continue;
        if (client.read_answer().status == 200) ++answered;
      }
    });
  }
  REQUIRE(eventually([&] { return answered > 50; }));
  for (int i = 0; i < 50; ++i) served.append("seen", {{"k", std::to_string(i)}});
  CHECK(time_of([&] { served.server->stop(); }) < milliseconds(4'000));
  running = false;
  for (auto& client : clients) client.join();
  CHECK_FALSE(http_client(port).connected());
  CHECK(served.metrics().connections_open == 0);
  CHECK(served.metrics().subscriptions_open == 0);
  for (const auto& [name, view] : served.node.views) CHECK(view->waiting.empty());
  served.server->stop();
}

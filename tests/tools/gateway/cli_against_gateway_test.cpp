// The program against the real HTTP server, over a node in memory: that both mean the same by every path and answer.
#include <catch2/catch.hpp>
#include <chrono>
#include <fstream>
#include <thread>

#include "actors/gateway/gateway.hpp"
#include "tests/support/fake_node.hpp"
#include "tests/support/temp_folder.hpp"
#include "tests/tools/program_call.hpp"

namespace weir::cli {

namespace {

// A gateway on a free port, and the program called with its address and token.
struct served_node {
  fake_node node;
  std::unique_ptr<gateway> server;
  program_call weir;

  void start() {
    gateway_options options;
    options.token = "the-token";
    auto started = gateway::start(options, node);
    REQUIRE(started);
    server = std::move(*started);
    weir.environment = {{"WEIR_URL", "http://127.0.0.1:" + std::to_string(server->port())},
                        {"WEIR_TOKEN", "the-token"}};
  }

  int operator()(const std::vector<std::string>& arguments) { return weir(arguments); }
};

fake_view& add_socks(fake_node& node) {
  return node.add_view("socks", "append", {{{"name", "image"}, {"type", "text"}}, {{"name", "n"}, {"type", "bigint"}}},
                       nlohmann::json::array({"image"}));
}

}  // namespace

TEST_CASE("sources are added, listed, paused and removed through the gateway") {
  served_node weir;
  weir.start();
  REQUIRE(weir({"source", "add", "cam1", "--stream", "camera", "--connector", "file", "--option", "path=/d/x"}) == 0);
  REQUIRE(weir({"source", "list"}) == 0);
  CHECK_THAT(weir.weir.out.str(), Catch::Contains("cam1  camera  file       running"));
  REQUIRE(weir({"source", "show", "cam1"}) == 0);
  CHECK_THAT(weir.weir.out.str(), Catch::Contains("/d/x"));
  REQUIRE(weir({"source", "pause", "cam1"}) == 0);
  REQUIRE(weir({"source", "resume", "cam1"}) == 0);
  REQUIRE(weir({"source", "remove", "cam1"}) == 0);
  CHECK(weir.node.commands() == std::vector<std::string>{"add cam1", "pause cam1", "resume cam1", "remove cam1"});
  CHECK(weir({"source", "add", "taken", "--stream", "s", "--connector", "file"}) == 1);
  CHECK_THAT(weir.weir.err.str(), Catch::Contains("source 'taken' exists"));
  CHECK(weir({"source", "show", "absent"}) == 3);
}

TEST_CASE("a list of sources goes to the gateway as one") {
  served_node weir;
  weir.start();
  const temp_folder folder;
  std::ofstream(folder.path("s.toml")) << "[[source]]\nname = \"a\"\nstream = \"s\"\nconnector = \"file\"\n"
                                          "options = { path = \"/d/a\" }\n"
                                          "[[source]]\nname = \"b\"\nstream = \"s\"\nconnector = \"file\"\n"
                                          "options = { path = \"/d/b\" }\n";
  const int code = weir({"source", "add", "--from", folder.path("s.toml")});
  INFO(weir.weir.err.str());
  REQUIRE(code == 0);
  CHECK(weir.node.commands() == std::vector<std::string>{"add a,b"});
}

TEST_CASE("rows of a view come in its order of columns, by key, and live from the start") {
  served_node weir;
  auto& view = add_socks(weir.node);
  view.append(live_row::kind::row, {{"image", "Sock"}, {"n", 3}});
  view.append(live_row::kind::row, {{"image", "Hat"}, {"n", 12}});
  weir.start();
  REQUIRE(weir({"view", "get", "socks"}) == 0);
  CHECK(weir.weir.out.str() == "image   n\nSock    3\nHat    12\n");
  REQUIRE(weir({"view", "get", "socks", "--key", "image=Hat", "-o", "csv"}) == 0);
  CHECK(weir.weir.out.str() == "image,n\r\nHat,12\r\n");
  REQUIRE(weir({"view", "tail", "socks", "--from", "start", "--limit", "2", "-o", "json"}) == 0);
  CHECK(weir.weir.out.str() == "{\"image\":\"Sock\",\"n\":3}\n{\"image\":\"Hat\",\"n\":12}\n");
  CHECK(weir({"view", "tail", "absent"}) == 3);
}

TEST_CASE("tail prints rows that are committed while it waits") {
  served_node weir;
  auto& view = add_socks(weir.node);
  weir.start();
  std::thread instrument([&] {
    for (int waited = 0; waited < 500; ++waited) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      const std::lock_guard lock(view.mutex);
      if (!view.waiting.empty()) break;
    }
    view.append(live_row::kind::row, {{"image", "Late"}, {"n", 1}});
  });
  CHECK(weir({"view", "tail", "socks", "--limit", "1", "-o", "json"}) == 0);
  instrument.join();
  CHECK(weir.weir.out.str() == "{\"image\":\"Late\",\"n\":1}\n");
}

TEST_CASE("status is 0 for a node that is well and 4 for one that is not") {
  served_node weir;
  weir.start();
  CHECK(weir({"status"}) == 0);
  CHECK_THAT(weir.weir.out.str(), Catch::Contains("0.1.0"));
  weir.node.healthy = false;
  CHECK(weir({"status"}) == 4);
}

TEST_CASE("without the token the gateway refuses, and the program tells how to give one") {
  served_node weir;
  weir.start();
  weir.weir.environment.erase("WEIR_TOKEN");
  CHECK(weir({"view", "list"}) == 1);
  CHECK_THAT(weir.weir.err.str(), Catch::Contains("token"));
}

TEST_CASE("every path that the program asks for is a route of the gateway") {
  served_node weir;
  weir.start();
  const temp_folder folder;
  std::ofstream(folder.path("p.sql")) << "CREATE TABLE t (a text)";
  for (const std::vector<std::string>& call : std::vector<std::vector<std::string>>{
           {"stream", "list"},
           {"stream", "show", "x"},
           {"stream", "records", "x"},
           {"view", "show", "x"},
           {"pipeline", "list"},
           {"pipeline", "show", "x"},
           {"pipeline", "drop", "x"},
           {"pipeline", "resume", "x"},
           {"dead-letter", "list", "x"},
           {"dead-letter", "show", "x", "1"},
           {"dead-letter", "retry", "x", "1", "--record", "{}"},
           {"apply", folder.path("p.sql")},
           {"apply", folder.path("p.sql"), "--dry-run"},
           {"sql", "SELECT 1"},
           {"status", "--connectors"},
       }) {
    const int code = weir(call);
    INFO(call[0] << " " << call[1] << ": " << weir.weir.err.str());
    CHECK((code == 0 || code == 1 || code == 3));
    for (const char* refusal : {"there is nothing at", "is not for", "has no parameter", "answered with status"}) {
      CHECK_THAT(weir.weir.err.str(), !Catch::Contains(refusal));
    }
  }
}

}  // namespace weir::cli

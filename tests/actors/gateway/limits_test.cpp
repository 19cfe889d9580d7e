#include <catch2/catch.hpp>

#include "tests/actors/gateway/http_client.hpp"

using namespace weir;
using std::chrono::milliseconds;

TEST_CASE("half a header ends with its time", "[gateway]") {
  served_node served({.header_timeout = milliseconds(200)});
  http_client client(served.port());
  const auto begin = std::chrono::steady_clock::now();
  client.send("GET /v1/status HTTP/1.1\r\nHost: local");
  CHECK(client.ends_within(milliseconds(3'000)));
  CHECK(std::chrono::steady_clock::now() - begin >= milliseconds(190));
  CHECK(eventually([&] { return served.metrics().timeouts == 1; }));  // the client may see the end before it counts
}

TEST_CASE("a header that drips byte by byte gets no more time for it", "[gateway]") {
  served_node served({.header_timeout = milliseconds(300)});
  http_client client(served.port());
  const auto begin = std::chrono::steady_clock::now();
  while (client.send("G") && !client.ends_within(milliseconds(30))) {
    REQUIRE(std::chrono::steady_clock::now() - begin < milliseconds(3'000));
  }
  CHECK(eventually([&] { return served.metrics().timeouts == 1; }));  // the client may see the end before it counts
}

TEST_CASE("a body that does not come ends with its time", "[gateway]") {
  served_node served({.body_timeout = milliseconds(200)});
  http_client client(served.port());
  client.send(
      "POST /v1/sql HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer secret\r\nContent-Length: 50\r\n\r\n{");
  CHECK(client.ends_within(milliseconds(3'000)));
  CHECK(eventually([&] { return served.metrics().timeouts == 1; }));  // the client may see the end before it counts
}

TEST_CASE("a silent connection is closed after the idle time", "[gateway]") {
  served_node served({.idle_timeout = milliseconds(200)});
  http_client client(served.port());
  client.send(request_text("GET", "/livez"));
  CHECK(client.read_answer().status == 200);
  CHECK(client.ends_within(milliseconds(3'000)));
}

TEST_CASE("a header over its limit is 431", "[gateway]") {
  served_node served({.max_header_bytes = 1'024});
  CHECK(served.ask("GET", "/livez", {{"X-Long", std::string(700, 'x')}}).status == 200);
  const auto answer = served.ask("GET", "/livez", {{"X-Long", std::string(2'000, 'x')}});
  CHECK(answer.status == 431);
  CHECK(answer.json()["code"] == "limit_exceeded");
}

TEST_CASE("a body over its limit is 413, whether its length is told or not", "[gateway]") {
  served_node served({.max_request_bytes = 1'000});
  const auto sized = served.ask("POST", "/v1/sql", {bearer, as_json}, std::string(1'001, ' '));
  CHECK(sized.status == 413);
  CHECK(sized.headers.at("connection") == "close");
  http_client client(served.port());
  client.send(
      "POST /v1/sql HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer secret\r\n"
      "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n" +
      std::string(1'024, ' ') + "\r\n0\r\n\r\n");
  CHECK(client.read_answer().status == 413);
  const std::string fits = R"({"query":"SELECT 1")" + std::string(900, ' ') + "}";
  CHECK(served.ask("POST", "/v1/sql", {bearer, as_json}, fits).status == 200);
}

TEST_CASE("connections over the limit are told so, and one that ends makes room", "[gateway]") {
  served_node served({.max_connections = 2});
  auto first = std::make_unique<http_client>(served.port());
  http_client second(served.port());
  first->send(request_text("GET", "/livez"));
  second.send(request_text("GET", "/livez"));
  CHECK(first->read_answer().status == 200);
  CHECK(second.read_answer().status == 200);
  CHECK(served.ask("GET", "/livez", {}).status == 503);
  CHECK(served.metrics().connections_refused == 1);
  first.reset();
  CHECK(eventually([&] { return served.ask("GET", "/livez", {}).status == 200; }));
}

TEST_CASE("a client that does not read its answer is cut off", "[gateway]") {
  served_node served({.write_timeout = milliseconds(200)});
  for (int i = 0; i < 4'000; ++i) served.append("log", {{"n", std::string(4'000, 'x')}});
  http_client client(served.port(), 4'096);
  client.send(request_text("GET", "/v1/views/log/rows?limit=4000", {bearer}));
  CHECK(eventually([&] { return served.metrics().clients_cut_off == 1; }));
}

TEST_CASE("a command that the node does not answer is 504, and its late answer goes nowhere", "[gateway]") {
  served_node served({.command_timeout = milliseconds(150)});
  served.node.holds_replies = true;
  http_client client(served.port());
  client.send(request_text("DELETE", "/v1/sources/cam1", {bearer}));
  CHECK(client.read_answer().status == 504);
  served.node.release_replies();
  client.send(request_text("GET", "/livez"));
  CHECK(client.read_answer().body == "livez ok\n");
}

TEST_CASE("pipelined requests are answered in their order on one connection", "[gateway]") {
  served_node served;
  http_client client(served.port());
  client.send(request_text("GET", "/livez") + request_text("POST", "/v1/sql", {bearer, as_json}, R"({"query":"x"})") +
              request_text("GET", "/v1/nothing", {bearer}) + request_text("GET", "/readyz"));
  CHECK(client.read_answer().body == "livez ok\n");
  CHECK(client.read_answer().json()["rows"].size() == 2);
  CHECK(client.read_answer().status == 404);
  CHECK(client.read_answer().body == "readyz ok\n");
  CHECK(served.metrics().connections_total == 1);
}

TEST_CASE("a client that waits for 100 Continue gets it, unless it is refused first", "[gateway]") {
  served_node served;
  const header_list waits{bearer, as_json, {"Expect", "100-continue"}, {"Content-Length", "17"}};
  http_client client(served.port());
  client.send(request_text("POST", "/v1/sql", waits));
  CHECK(client.read_answer().status == 100);
  client.send(R"({"query":"abcde"})");
  CHECK(client.read_answer().status == 200);
  http_client stranger(served.port());
  stranger.send(request_text("POST", "/v1/sql", {as_json, {"Expect", "100-continue"}, {"Content-Length", "17"}}));
  CHECK(stranger.read_answer().status == 401);
}

TEST_CASE("bytes that are no HTTP get an answer and no second chance", "[gateway]") {
  served_node served;
  for (const char* bytes : {"hello\r\n\r\n", "GET /livez HTTP/9.9\r\n\r\n", "GET  HTTP/1.1\r\nHost: localhost\r\n\r\n",
                            "GET /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n"}) {
    INFO(bytes);
    http_client client(served.port());
    client.send(bytes);
    CHECK(client.read_answer().status == 400);
    CHECK(client.ends_within(milliseconds(3'000)));
  }
}

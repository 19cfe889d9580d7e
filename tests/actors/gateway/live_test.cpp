#include <boost/beast/core.hpp>
#include <boost/beast/websocket.hpp>
#include <catch2/catch.hpp>
#include <thread>

#include "tests/actors/gateway/http_client.hpp"

using namespace weir;
using nlohmann::json;
using std::chrono::milliseconds;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using tcp = boost::asio::ip::tcp;

namespace {

class live_client {
 public:
  explicit live_client(std::uint16_t port, int receive_buffer = 0) : stream_(io_) {
    auto& socket = beast::get_lowest_layer(stream_).socket();
    socket.open(tcp::v4());
    if (receive_buffer > 0) socket.set_option(boost::asio::socket_base::receive_buffer_size(receive_buffer));
    socket.connect({boost::asio::ip::address_v4::loopback(), port});
    stream_.set_option(websocket::stream_base::decorator(
        [](websocket::request_type& request) { request.set("Authorization", "Bearer secret"); }));
    stream_.handshake("localhost", "/v1/live");
  }

  void say(const json& message) { stream_.write(boost::asio::buffer(message.dump())); }
  void say_bytes(const std::string& bytes, bool binary) {
    stream_.binary(binary);
    stream_.write(boost::asio::buffer(bytes));
  }

  // The next message; {"closed":code} when there is none.
  json hear() {
    beast::flat_buffer buffer;
    beast::error_code code = boost::asio::error::timed_out;
    stream_.async_read(buffer, [&](beast::error_code ended, std::size_t) { code = ended; });
    io_.restart();
    io_.run_for(std::chrono::seconds(10));
    if (!io_.stopped()) beast::get_lowest_layer(stream_).close();
    io_.run();
    if (code) return {{"closed", stream_.reason().code}};
    return json::parse(beast::buffers_to_string(buffer.data()));
  }
  json ask(const json& message) {
    say(message);
    return hear();
  }

 private:
  boost::asio::io_context io_;
  websocket::stream<beast::tcp_stream> stream_;
};

json subscribe(const char* id, const char* view, const std::string& from = "now") {
  return {{"op", "subscribe"}, {"id", id}, {"view", view}, {"from", from}};
}

}  // namespace

TEST_CASE("one WebSocket carries several subscriptions", "[gateway]") {
  served_node served;
  live_client client(served.port());
  CHECK(client.ask(subscribe("a", "seen"))["subscribed"]["token"] == "o0");
  CHECK(client.ask(subscribe("b", "log"))["id"] == "b");
  served.append("seen", {{"k", "x"}, {"b", 1}});
  CHECK(client.hear() == json{{"id", "a"}, {"rows", {{{"k", "x"}, {"b", 1}}}}, {"token", "o1"}});
  served.append("log", {{"n", 7}});
  CHECK(client.hear()["id"] == "b");
  CHECK(client.ask({{"op", "unsubscribe"}, {"id", "a"}})["unsubscribed"] == true);
  served.append("seen", {{"k", "y"}});
  CHECK(client.ask({{"op", "ping"}})["pong"] == true);
  CHECK(served.metrics().subscriptions_open == 1);
}

TEST_CASE("a WebSocket subscription resumes from its token without loss or repeat", "[gateway]") {
  served_node served({.max_batch_rows = 7});
  for (int n = 0; n < 100; ++n) served.append("log", {{"n", n}});
  std::vector<int> seen;
  std::string token = "start";
  while (seen.size() < 100) {
    live_client client(served.port());
    client.ask(subscribe("a", "log", token));
    for (int messages = 0; messages < 3 && seen.size() < 100; ++messages) {
      const json batch = client.hear();
      for (const auto& row : batch["rows"]) seen.push_back(row["n"]);
      token = batch["token"];
    }
  }
  for (int n = 0; n < 100; ++n) CHECK(seen[static_cast<std::size_t>(n)] == n);
}

TEST_CASE("a WebSocket subscriber hears of lost ranges and shed rows", "[gateway]") {
  served_node served({.max_backlog_rows = 50});
  for (int n = 0; n < 60; ++n) served.append("log", {{"n", n}});
  served.node.views["log"]->first = 5;
  live_client client(served.port());
  CHECK(client.ask(subscribe("a", "log", "o3"))["error"]["code"] == "offset_out_of_range");
  client.ask(subscribe("b", "log", "o7"));
  CHECK(client.hear() == json{{"id", "b"}, {"shed", 53}, {"token", "o60"}});
  served.append("log", {{"n", 60}});
  CHECK(client.hear()["rows"][0]["n"] == 60);
}

TEST_CASE("messages that are too long or binary close the WebSocket", "[gateway]") {
  served_node served({.max_message_bytes = 500});
  live_client longer(served.port());
  CHECK(longer.ask(json{{"op", std::string(400, 'x')}})["error"]["status"] == 400);
  longer.say_bytes(std::string(600, ' '), false);
  CHECK(longer.hear()["closed"] == 1009);
  live_client binary(served.port());
  binary.say_bytes("{}", true);
  CHECK(binary.hear()["closed"] == 1003);
}

TEST_CASE("a WebSocket client that does not read is cut off and leaves nothing behind", "[gateway]") {
  served_node served({.write_timeout = milliseconds(300)});
  live_client client(served.port(), 4'096);
  client.ask(subscribe("a", "log"));
  for (int n = 0; n < 3'000; ++n) served.append("log", {{"n", std::string(4'000, 'x')}});
  CHECK(eventually([&] { return served.metrics().clients_cut_off == 1; }));
  CHECK(eventually([&] { return served.metrics().subscriptions_open == 0; }));
  CHECK(eventually([&] { return served.metrics().connections_open == 0; }));
}

TEST_CASE("a silent WebSocket is pinged, and one that does not answer is closed", "[gateway]") {
  served_node served({.idle_timeout = milliseconds(300)});
  http_client client(served.port());  // answers no ping
  client.send(request_text("GET", "/v1/live",
                           {bearer,
                            {"Connection", "Upgrade"},
                            {"Upgrade", "websocket"},
                            {"Sec-WebSocket-Version", "13"},
                            {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}}));
  CHECK(client.read_answer().status == 101);
  CHECK(client.ends_within(milliseconds(5'000)));
  CHECK(client.buffer().find('\x89') != std::string::npos);
}

TEST_CASE("permessage-deflate is not negotiated and plain HTTP is told to upgrade", "[gateway]") {
  served_node served;
  const auto upgraded = served.ask("GET", "/v1/live",
                                   {bearer,
                                    {"Connection", "Upgrade"},
                                    {"Upgrade", "websocket"},
                                    {"Sec-WebSocket-Version", "13"},
                                    {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="},
                                    {"Sec-WebSocket-Extensions", "permessage-deflate"}});
  CHECK(upgraded.status == 101);
  CHECK(upgraded.headers.count("sec-websocket-extensions") == 0);
  CHECK(served.ask("GET", "/v1/live").status == 426);
}

TEST_CASE("a stop says goodbye to a WebSocket", "[gateway]") {
  served_node served;
  live_client client(served.port());
  client.ask(subscribe("a", "log"));
  std::thread stopping([&] { served.server->stop(); });
  CHECK(client.hear()["closed"] == 1001);
  stopping.join();
  CHECK(served.metrics().subscriptions_open == 0);
}

TEST_CASE("an event stream resumes after its last id", "[gateway]") {
  served_node served;
  for (int n = 0; n < 3; ++n) served.append("log", {{"n", n}});
  http_client first(served.port());
  first.send(request_text("GET", "/v1/views/log/live?from=start", {bearer, {"Accept", "text/event-stream"}}));
  REQUIRE(first.read_until("id: o3\ndata: {\"rows\":[{\"n\":0},{\"n\":1},{\"n\":2}],\"token\":\"o3\"}\n\n"));
  CHECK(first.read_answer().headers.at("content-type") == "text/event-stream");
  served.append("log", {{"n", 3}});
  CHECK(first.read_until("id: o4\n"));
  http_client second(served.port());
  second.send(request_text("GET", "/v1/views/log/live?from=start", {bearer, {"Last-Event-ID", "o2"}}));
  REQUIRE(second.read_until("data: {\"rows\":[{\"n\":2},{\"n\":3}]"));
  CHECK(second.buffer().find("\"n\":1") == std::string::npos);
}

TEST_CASE("an event stream that cannot begin is a problem, and one whose range is lost ends", "[gateway]") {
  served_node served;
  CHECK(served.ask("GET", "/v1/views/absent/live").status == 404);
  CHECK(served.ask("GET", "/v1/views/log/live?from=zzz").status == 400);
  for (int n = 0; n < 3; ++n) served.append("log", {{"n", n}});
  served.node.views["log"]->first = 2;
  CHECK(served.ask("GET", "/v1/views/log/live?from=o1").status == 410);
  http_client client(served.port());
  client.send(request_text("GET", "/v1/views/log/live?from=o2", {bearer}));
  REQUIRE(client.read_until("id: o3\n"));
  served.node.views["log"]->first = 9;
  served.append("log", {{"n", 3}});
  CHECK(client.read_until("event: problem\n"));
  CHECK(client.ends_within(milliseconds(5'000)));
}

TEST_CASE("a silent event stream has a heartbeat, and a client that does not read is cut off", "[gateway]") {
  served_node served({.write_timeout = milliseconds(300), .heartbeat = milliseconds(50)});
  http_client client(served.port());
  client.send(request_text("GET", "/v1/views/log/live", {bearer}));
  CHECK(client.read_until(": still here\n\n"));
  http_client slow(served.port(), 4'096);
  slow.send(request_text("GET", "/v1/views/seen/live", {bearer}));
  REQUIRE(eventually([&] { return served.metrics().subscriptions_open == 2; }));
  for (int n = 0; n < 3'000; ++n) served.append("seen", {{"k", std::string(4'000, 'x')}});
  CHECK(eventually([&] { return served.metrics().clients_cut_off == 1; }));
  CHECK(eventually([&] { return served.metrics().subscriptions_open == 1; }));
}

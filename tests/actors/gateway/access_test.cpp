#include "actors/gateway/access.hpp"

#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "tests/actors/gateway/http_client.hpp"
#include "tests/support/temp_folder.hpp"

using namespace weir;

namespace {

const header_list upgrade{{"Connection", "Upgrade"},
                          {"Upgrade", "websocket"},
                          {"Sec-WebSocket-Version", "13"},
                          {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}};

header_list with(header_list headers, const header_list& more) {
  headers.insert(headers.end(), more.begin(), more.end());
  return headers;
}

std::string signed_in(const served_node& served) {
  const auto answer = served.ask("GET", "/?token=secret", {});
  const std::string cookie = answer.headers.at("set-cookie");
  return cookie.substr(0, cookie.find(';'));
}

}  // namespace

TEST_CASE("a Host that is no name of this node is refused on every kind of request", "[gateway]") {
  served_node served({.allowed_hosts = {"weir.example:8420", "inner.example"}});
  const auto status = [&](const std::string& host, const std::string& target) {
    return served.ask("GET", target, {bearer, {"Host", host}}).status;
  };
  for (const char* target : {"/", "/v1/status", "/livez", "/metrics"}) {
    for (const char* good : {"localhost", "LOCALHOST:9", "127.0.0.1:8420", "[::1]:1", "weir.example:8420",
                             "inner.example:7", "Inner.Example"}) {
      INFO(good);
      CHECK(status(good, target) == 200);
    }
    for (const char* bad : {"evil.example", "weir.example", "localhost.evil.example", "127.0.0.1.evil.example",
                            "192.168.1.7", "[::2]", "inner.example.org:7"}) {
      INFO(bad);
      CHECK(status(bad, target) == 403);
    }
    CHECK(status("", target) == 400);
  }
}

TEST_CASE("an Origin must be the node's own or allowed", "[gateway]") {
  served_node served({.allowed_origins = {"https://lab.example"}});
  const auto ask = [&](const std::string& origin) {
    return served.ask("GET", "/v1/status", {bearer, {"Host", "localhost:8420"}, {"Origin", origin}});
  };
  CHECK(ask("http://localhost:8420").status == 200);
  CHECK(ask("http://localhost:8421").status == 403);
  CHECK(ask("http://evil.example").status == 403);
  CHECK(ask("null").status == 403);
  CHECK(ask("https://lab.example.evil").status == 403);
  const auto allowed = ask("https://lab.example");
  CHECK(allowed.status == 200);
  CHECK(allowed.headers.at("access-control-allow-origin") == "https://lab.example");
  CHECK(ask("http://localhost:8420").headers.count("access-control-allow-origin") == 0);
  const auto preflight = served.ask("OPTIONS", "/v1/sources", {{"Origin", "https://lab.example"}});
  CHECK(preflight.status == 204);
  CHECK(preflight.headers.at("access-control-allow-methods") == "GET, HEAD, POST, OPTIONS");
}

TEST_CASE("the page's address with the token signs in once and leaves no token behind", "[gateway]") {
  served_node served;
  const auto answer = served.ask("GET", "/?token=secret", {});
  CHECK(answer.status == 303);
  CHECK(answer.headers.at("location") == "/");
  const std::string cookie = answer.headers.at("set-cookie");
  CHECK(cookie.find("HttpOnly") != std::string::npos);
  CHECK(cookie.find("SameSite=Strict") != std::string::npos);
  CHECK(cookie.find("secret") == std::string::npos);
  CHECK(cookie.starts_with("weir_session_" + std::to_string(served.port()) + "="));
  CHECK(served.ask("GET", "/?token=wrong", {}).status == 401);
  CHECK(served.ask("POST", "/v1/sessions", {bearer}).headers.count("set-cookie") == 1);
}

TEST_CASE("a session cookie is good for this node's own page only", "[gateway]") {
  served_node served({.allowed_origins = {"https://lab.example"}});
  const std::pair<std::string, std::string> cookie{"Cookie", "other=1; " + signed_in(served)};
  const std::pair<std::string, std::string> own{"Origin", "http://localhost"};
  CHECK(served.ask("GET", "/v1/status", {cookie}).status == 200);
  CHECK(served.ask("GET", "/v1/status", {cookie, {"Sec-Fetch-Site", "same-origin"}}).status == 200);
  CHECK(served.ask("GET", "/v1/status", {cookie, {"Sec-Fetch-Site", "cross-site"}}).status == 403);
  CHECK(served.ask("GET", "/v1/status", {cookie, {"Sec-Fetch-Site", "same-site"}}).status == 403);
  CHECK(served.ask("GET", "/v1/status", {cookie, {"Origin", "https://lab.example"}}).status == 403);
  CHECK(served.ask("DELETE", "/v1/sources/cam1", {cookie}).status == 403);
  CHECK(served.ask("DELETE", "/v1/sources/cam1", {cookie, own}).status == 200);
  CHECK(served.ask("GET", "/v1/live", with(upgrade, {cookie})).status == 403);
  CHECK(served.ask("GET", "/v1/live", with(upgrade, {cookie, own})).status == 101);
  CHECK(served.ask("GET", "/v1/live", with(upgrade, {cookie, {"Origin", "http://evil.example"}})).status == 403);
}

TEST_CASE("a session outlives a restart, but neither its time nor another token nor a changed byte", "[gateway]") {
  const gateway_options options{.token = "secret", .session_lifetime = std::chrono::seconds(60)};
  access_control before(options, 1), after(options, 1), other({.token = "Secret"}, 1);
  const access_control::clock::time_point start{std::chrono::seconds(1'000)};
  const std::string set = before.make_session_cookie(start);
  const auto shown = [&](access_control& to, std::string cookie, int seconds) {
    http_request request;
    request.cookie = std::move(cookie);
    return to.authenticate(request, {}, false, start + std::chrono::seconds(seconds)) == credential::session;
  };
  const std::string cookie = set.substr(0, set.find(';'));
  CHECK(shown(before, cookie, 59));
  CHECK(shown(after, cookie, 59));
  CHECK_FALSE(shown(after, cookie, 60));
  CHECK_FALSE(shown(other, cookie, 0));
  for (std::size_t i = cookie.find('=') + 1; i < cookie.size(); ++i) {
    std::string changed = cookie;
    changed[i] = changed[i] == '5' ? '6' : '5';
    CHECK_FALSE(shown(after, changed, 0));
  }
  CHECK_FALSE(shown(after, "weir_session_1=", 0));
  CHECK_FALSE(shown(after, "weir_session_1=99999", 0));
}

TEST_CASE("a ticket opens one live connection, once, and nothing else", "[gateway]") {
  served_node served({.ticket_lifetime = std::chrono::milliseconds(400)});
  const auto ticket = [&] { return served.ask("POST", "/v1/tickets").json()["ticket"].get<std::string>(); };
  const std::string once = ticket();
  CHECK(served.ask("GET", "/v1/live?ticket=" + once, upgrade).status == 101);
  CHECK(served.ask("GET", "/v1/live?ticket=" + once, upgrade).status == 401);
  CHECK(served.ask("GET", "/v1/status?ticket=" + ticket(), {}).status == 401);
  const std::string late = ticket();
  ::usleep(500'000);
  CHECK(served.ask("GET", "/v1/live?ticket=" + late, upgrade).status == 401);
  CHECK(served.ask("POST", "/v1/tickets", {}).status == 401);
}

TEST_CASE("secrets beyond the limit push out the oldest, and end with their time", "[gateway]") {
  secret_set set(2, std::chrono::seconds(10));
  const secret_set::clock::time_point start{};
  const auto first = set.make(start).value();
  const auto second = set.make(start).value();
  const auto third = set.make(start).value();
  CHECK_FALSE(set.contains(first, start));
  CHECK(set.contains(second, start + std::chrono::seconds(9)));
  CHECK_FALSE(set.contains(second, start + std::chrono::seconds(10)));
  CHECK(set.take(third, start));
  CHECK_FALSE(set.take(third, start));
  CHECK(first.size() == 43);
  CHECK(first != second);
}

TEST_CASE("the token's file is made once, for its owner only, and read again", "[gateway]") {
  temp_folder folder;
  const auto made = token_from_file(folder.path("token"));
  REQUIRE(made);
  CHECK(token_from_file(folder.path("token")).value() == *made);
  struct stat about {};
  REQUIRE(::stat(folder.path("token").c_str(), &about) == 0);
  CHECK((about.st_mode & 0777) == 0600);
  CHECK(token_from_file(folder.path("absent/token")).error().code == errc::io_error);
}

TEST_CASE("a gateway with a wrong option does not start", "[gateway]") {
  fake_node node;
  const auto refused = [&](gateway_options options) {
    const auto started = gateway::start(std::move(options), node);
    return started ? std::string("started") : started.error().message;
  };
  CHECK(refused({}).find("token") != std::string::npos);
  CHECK(refused({.token = "t", .threads = 0}).find("threads") != std::string::npos);
  CHECK(refused({.token = "t", .max_connections = 0}).find("max_connections") != std::string::npos);
  CHECK(refused({.token = "t", .write_timeout = std::chrono::milliseconds(0)}).find("write_timeout") !=
        std::string::npos);
  CHECK(refused({.token = "t", .allowed_origins = {"lab.example"}}).find("allowed_origins") != std::string::npos);
  CHECK(refused({.host = "no.such.host.invalid", .token = "t"}).find("host") != std::string::npos);
  served_node first;
  CHECK(refused({.port = first.port(), .token = "t"}).find("cannot listen") != std::string::npos);
}

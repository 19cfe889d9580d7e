// POST through a real node, below the gateway: limits, stops, and sources that are tried.
#include <catch2/catch.hpp>
#include <future>

#include "tests/actors/running_node.hpp"

using namespace weir;
using weir::testing::running_node;
using json = nlohmann::json;

namespace {

const char* const sql = "CREATE TABLE readings (k text NOT NULL) WITH (format = 'json');";

result<json> post(running_node& n, std::string body, std::string key = {}, std::string source = "cam") {
  return n.answer([&](node_api::reply reply) {
    n.api().post_records({"readings", source, key, body_media::ndjson, body}, std::move(reply));
  });
}

result<json> tried(running_node& n, source_request source) {
  return n.answer([&](node_api::reply reply) { n.api().test_source(std::move(source), std::move(reply)); });
}

json sources_of(running_node& n) { return n.api().list_sources({})["items"]; }

}  // namespace

TEST_CASE("records are answered after their commit, and the source shows them", "[node]") {
  running_node n;
  n.start();
  n.apply("p", sql);
  const auto first = post(n, "{\"k\":\"a\"}\nbroken\n", "key");
  REQUIRE(first);
  CHECK((*first)["accepted"] == 1);
  CHECK((*first)["dead"] == 1);
  auto again = post(n, "{\"k\":\"a\"}\nbroken\n", "key");
  REQUIRE(again);
  CHECK((*again)["repeated"] == true);
  (*again)["repeated"] = false;
  CHECK(*again == *first);
  CHECK(running_node::comes_true([&] { return (*n.api().get_source("cam"))["records"] == 1; }));
  const auto source = *n.api().get_source("cam");
  CHECK(source["connector"] == "http");
  CHECK(source["dead_letters"] == 1);
  n.restart();
  CHECK((*post(n, "{\"k\":\"a\"}\nbroken\n", "key"))["repeated"] == true);
}

TEST_CASE("bodies beyond http.pending_bytes are told to come again", "[node]") {
  running_node n;
  n.settings.http.pending_bytes = 5'000;
  n.start();
  n.apply("p", sql);
  const auto refused = post(n, std::string(4'000, ' ') + "{\"k\":\"a\"}\n");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::unavailable);
  CHECK(refused.error().text().find("http.pending_bytes") != std::string::npos);
  for (int i = 0; i < 20; ++i) CHECK(post(n, "{\"k\":\"a\"}\n"));  // what is answered waits no longer
}

TEST_CASE("a node that has stopped refuses records, nothing of them stands", "[node]") {
  running_node n;
  n.start();
  n.apply("p", sql);
  REQUIRE(post(n, "{\"k\":\"a\"}\n"));
  n.inner().stop();
  const auto refused = post(n, "{\"k\":\"b\"}\n");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::unavailable);
}

TEST_CASE("keys beyond http.idempotency_keys go, the oldest first", "[node]") {
  running_node n(1);
  n.settings.http.idempotency_keys = 2;
  n.start();
  n.apply("p", sql);
  for (const char* key : {"a", "b", "c"}) REQUIRE(post(n, "{\"k\":\"x\"}\n", key));
  CHECK((*post(n, "{\"k\":\"x\"}\n", "c"))["repeated"] == true);
  CHECK((*post(n, "{\"k\":\"x\"}\n", "a"))["repeated"] == false);
}

TEST_CASE("keys are forgotten after http.idempotency_window", "[node]") {
  running_node n(1);
  n.settings.http.idempotency_window_us = 1'000;
  n.start();
  n.apply("p", sql);
  REQUIRE(post(n, "{\"k\":\"x\"}\n", "a"));
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  CHECK((*post(n, "{\"k\":\"y\"}\n", "a"))["repeated"] == false);
}

TEST_CASE("the sources that take records without one say that they belong together", "[node]") {
  running_node n;
  n.start();
  n.apply("p", sql);
  REQUIRE(post(n, "{\"k\":\"a\"}\n"));
  REQUIRE(post(n, "{\"k\":\"a\"}\n", {}, {}));
  std::map<std::string, int> groups;
  for (const auto& s : sources_of(n)) ++groups[s["group"].is_null() ? s["name"] : s["group"]];
  CHECK(groups == std::map<std::string, int>{{"cam", 1}, {"post.readings", 16}});
}

TEST_CASE("a source is tried without adding it", "[node]") {
  running_node n;
  n.start();
  n.apply("p", sql);
  n.write("in.ndjson", {"{\"k\":\"a\"}", "broken", "{\"k\":\"b\"}"});
  const std::map<std::string, std::string> options{{"path", n.folder.path("in.ndjson")}};
  const auto before = sources_of(n).size();
  const auto shown = tried(n, {"", "readings", "file", options});
  REQUIRE(shown);
  CHECK((*shown)["records"] == 3);
  CHECK((*shown)["rows"] == json{{"a"}, {"b"}});
  REQUIRE((*shown)["dead"].size() == 1);
  CHECK((*shown)["dead"][0]["record"] == "broken");
  CHECK((*shown)["ended"] == true);
  CHECK(sources_of(n).size() == before);
  CHECK(n.api().stream_records("readings", {}).value()["items"].empty());
  CHECK(n.api().dead_letters("readings", false, {}).value()["items"].empty());

  n.add_source({"there", "readings", "file", options});
  CHECK((*tried(n, {"there", "", "", {}}))["records"] == 3);
}

TEST_CASE("a source that cannot work says why when it is tried", "[node]") {
  running_node n;
  n.settings.sources.test_timeout_us = 300'000;
  n.start();
  n.apply("p", sql);
  const auto code = [&](source_request s) {
    const auto r = tried(n, std::move(s));
    return r ? std::string("ok") : std::string(to_string(r.error().code));
  };
  CHECK(code({"", "nowhere", "file", {{"path", "x"}}}) == "not_found");
  CHECK(code({"absent", "", "", {}}) == "not_found");
  CHECK(code({"", "readings", "fax", {}}) == "invalid_argument");
  CHECK(code({"", "readings", "http", {}}) == "unsupported");
  CHECK(code({"", "readings", "file", {{"path", n.folder.path("absent")}}}) != "ok");
  n.write("empty", {});
  const auto silent = tried(n, {"", "readings", "file", {{"path", n.folder.path("empty")}, {"follow", "true"}}});
  REQUIRE(silent);
  CHECK((*silent)["records"] == 0);
  CHECK((*silent)["took_ms"] >= 300);
}

TEST_CASE("as many sources are tried at a time as sources.tests allows", "[node]") {
  running_node n;
  n.settings.sources.tests = 1;
  n.settings.sources.test_timeout_us = 2'000'000;
  n.start();
  n.apply("p", sql);
  n.write("empty", {});
  const source_request silent{"", "readings", "file", {{"path", n.folder.path("empty")}, {"follow", "true"}}};
  auto first = std::make_shared<std::promise<result<json>>>();
  n.api().test_source(silent, [first](result<json> r) { first->set_value(std::move(r)); });
  const auto second = tried(n, silent);
  REQUIRE_FALSE(second);
  CHECK(second.error().code == errc::limit_exceeded);
  CHECK(first->get_future().get());
  CHECK(running_node::comes_true([&] { return static_cast<bool>(tried(n, silent)); }));
}

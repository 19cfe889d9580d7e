// POST /v1/streams/{name}/records at the gateway: what reaches the node, and what never does.
#include <catch2/catch.hpp>

#include "tests/actors/gateway/http_client.hpp"
#include "tests/support/gzipped.hpp"

using namespace weir;

namespace {

const std::pair<std::string, std::string> as_lines{"Content-Type", "application/x-ndjson; charset=utf-8"};
const std::pair<std::string, std::string> as_gzip{"Content-Encoding", "GZIP"};

std::string detail(const http_answer& answer) { return answer.json().value("detail", ""); }

}  // namespace

TEST_CASE("records reach the node as they were sent, with source and key", "[gateway]") {
  served_node served;
  const auto answer = served.ask("POST", "/v1/streams/camera/records?source=cam1",
                                 {bearer, as_lines, {"Idempotency-Key", "k-1"}}, "{\"a\":1}\n\xff\n");
  CHECK(answer.status == 200);
  CHECK(answer.json()["accepted"] == 1);
  REQUIRE(served.node.posted.size() == 1);
  const auto& got = served.node.posted[0];
  CHECK(got.stream == "camera");
  CHECK(got.source == "cam1");
  CHECK(got.key == "k-1");
  CHECK(got.media == body_media::ndjson);
  CHECK(got.body == "{\"a\":1}\n\xff\n");
}

TEST_CASE("a body that came as gzip is inflated, and one that is none is refused", "[gateway]") {
  served_node served;
  const auto post = [&](const std::string& body) {
    return served.ask("POST", "/v1/streams/camera/records", {bearer, as_lines, as_gzip}, body);
  };
  CHECK(post(gzipped("{}\n{}\n")).status == 200);
  CHECK(post(gzipped("{}\n") + gzipped("{}\n")).status == 200);
  CHECK(served.node.posted.at(0).body == "{}\n{}\n");
  CHECK(served.node.posted.at(1).body == "{}\n{}\n");
  const auto whole = gzipped("{\"a\":1}\n");
  CHECK(post(whole.substr(0, whole.size() - 3)).status == 400);
  CHECK(post("{}\n").status == 400);
  CHECK(served.ask("POST", "/v1/streams/camera/records", {bearer, as_lines, {"Content-Encoding", "br"}}, "x").status ==
        415);
  CHECK(served.node.posted.size() == 2);
}

TEST_CASE("a gzip that grows over max_inflated_bytes is 413, whatever its own size", "[gateway]") {
  served_node served({.max_inflated_bytes = 1'000});
  const auto post = [&](std::size_t size) {
    return served.ask("POST", "/v1/streams/camera/records", {bearer, as_json, as_gzip},
                      gzipped("{}" + std::string(size - 2, ' ')));
  };
  CHECK(post(1'000).status == 200);
  const auto bomb = post(50'000'000);
  CHECK(bomb.status == 413);
  CHECK(bomb.json()["hint"].get<std::string>().find("max_inflated_bytes") != std::string::npos);
  CHECK(post(1'001).status == 413);
  CHECK(served.node.posted.size() == 1);
}

TEST_CASE("a body of more lines than max_request_lines is 413", "[gateway]") {
  served_node served({.max_request_lines = 3});
  const auto post = [&](const std::string& body) {
    return served.ask("POST", "/v1/streams/camera/records", {bearer, as_lines}, body).status;
  };
  CHECK(post("{}\n{}\n{}\n") == 200);
  CHECK(post("{}\n{}\n{}\n{}\n") == 413);
}

TEST_CASE("a body of records over max_request_bytes is 413", "[gateway]") {
  served_node served({.max_request_bytes = 1'000});
  CHECK(served.ask("POST", "/v1/streams/camera/records", {bearer, as_lines}, std::string(1'001, 'x')).status == 413);
  CHECK(served.node.posted.empty());
}

TEST_CASE("records need a Content-Type that says how they are read", "[gateway]") {
  served_node served;
  const auto post = [&](const std::string& type) {
    return served.ask("POST", "/v1/streams/camera/records", {bearer, {"Content-Type", type}}, "{}");
  };
  for (const char* good : {"application/json", "Application/JSON; charset=utf-8", "text/csv", "text/plain"})
    CHECK(post(good).status == 200);
  const auto form = post("application/x-www-form-urlencoded");
  CHECK(form.status == 415);
  CHECK(form.json()["hint"].get<std::string>().find("application/x-ndjson") != std::string::npos);
  CHECK(post("").status == 415);
  CHECK(post("application/octet-stream").status == 415);  // the node's word: not for this stream
}

TEST_CASE("a key is some printable text", "[gateway]") {
  served_node served;
  const auto post = [&](const std::string& key) {
    return served.ask("POST", "/v1/streams/camera/records", {bearer, as_json, {"Idempotency-Key", key}}, "{}").status;
  };
  CHECK(post(std::string(255, 'k')) == 200);
  CHECK(post(std::string(256, 'k')) == 400);
  CHECK(post("two words") == 400);
  CHECK(post("\xc3\xa4") == 400);
}

TEST_CASE("what the node says of records gets its status", "[gateway]") {
  served_node served;
  CHECK(served.ask("POST", "/v1/streams/absent/records", {bearer, as_json}, "{}").status == 404);
  const auto lost = served.ask("POST", "/v1/streams/lost/records", {bearer, as_json}, "{}");
  CHECK(lost.status == 503);
  CHECK(lost.headers.at("retry-after") == "1");
  CHECK(detail(served.ask("POST", "/v1/streams/camera/records?sauce=x", {bearer, as_json}, "{}")).find("source") !=
        std::string::npos);
}

TEST_CASE("records that are not answered in time may be sent again with their key", "[gateway]") {
  served_node served({.command_timeout = std::chrono::milliseconds(150)});
  served.node.holds_replies = true;
  const auto answer = served.ask("POST", "/v1/streams/camera/records", {bearer, as_json}, "{}");
  CHECK(answer.status == 504);
  CHECK(answer.json()["hint"].get<std::string>().find("same Idempotency-Key") != std::string::npos);
  served.node.release_replies();
}

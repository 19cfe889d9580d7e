// weir stream post and weir source test, against a stub of a node.
#include <catch2/catch.hpp>
#include <fstream>

#include "tests/support/temp_folder.hpp"
#include "tests/tools/program_call.hpp"
#include "tests/tools/stub_server.hpp"
#include "tools/weir/line_source.hpp"
#include "tools/weir/problem.hpp"
#include "tools/weir/record_batches.hpp"

namespace weir::cli {

namespace {

constexpr const char* taken = R"({"accepted":2,"dead":0,"first_reason":null,"repeated":false})";

std::string header_of(const stub_request& request, const std::string& name) {
  const auto at = request.head.find("\r\n" + name + ": ");
  if (at == std::string::npos) return {};
  const auto begin = at + name.size() + 4;
  return request.head.substr(begin, request.head.find("\r\n", begin) - begin);
}

std::string file_of(const temp_folder& folder, const std::string& name, const std::string& text) {
  std::ofstream(folder.path(name)) << text;
  return folder.path(name);
}

}  // namespace

TEST_CASE("stream post sends a file in batches, each with a key of its own") {
  const stub_server node([](const stub_request&) { return stub_reply{200, taken}; });
  const temp_folder folder;
  program_call weir;
  REQUIRE(weir({"stream", "post", "camera", file_of(folder, "shots.ndjson", "{\"a\":1}\n{\"a\":2}\n\n{\"a\":3}"),
                "--source", "cam 1", "--key", "june", "--batch", "2", "--url", node.url()}) == 0);
  const auto sent = node.requests();
  REQUIRE(sent.size() == 2);
  CHECK(sent[0].target == "/v1/streams/camera/records?source=cam%201");
  CHECK(sent[0].body == "{\"a\":1}\n{\"a\":2}\n");
  CHECK(sent[1].body == "{\"a\":3}");
  CHECK(header_of(sent[0], "Content-Type") == "application/x-ndjson");
  CHECK(header_of(sent[0], "Idempotency-Key") == "june-1");
  CHECK(header_of(sent[1], "Idempotency-Key") == "june-2");
  CHECK(weir.out.str() == "4 records in stream camera, 0 dead letters\n");
}

TEST_CASE("stream post sends again with the same key until it is answered") {
  int asked = 0;
  const stub_server node([&](const stub_request&) {
    return ++asked < 3 ? stub_reply{503, R"({"detail":"shard 1 starts"})"} : stub_reply{200, taken};
  });
  const temp_folder folder;
  program_call weir;
  REQUIRE(weir({"stream", "post", "s", file_of(folder, "a.json", "{\n}\n"), "--progress", "--url", node.url()}) == 0);
  const auto sent = node.requests();
  REQUIRE(sent.size() == 3);
  CHECK(header_of(sent[0], "Idempotency-Key").size() == 26);
  CHECK(header_of(sent[0], "Idempotency-Key") == header_of(sent[2], "Idempotency-Key"));
  CHECK(header_of(sent[0], "Content-Type") == "application/json");
  CHECK(sent[0].body == "{\n}\n");
  CHECK_THAT(weir.err.str(), Catch::Contains("request 1: shard 1 starts, trying again\n"));
  asked = -1'000;
  CHECK(weir({"stream", "post", "s", folder.path("a.json"), "--timeout", "0.2", "--url", node.url()}) == 1);
}

TEST_CASE("stream post ends with 1 and the reason when records became dead letters") {
  const stub_server node([](const stub_request&) {
    return stub_reply{200, R"({"accepted":1,"dead":2,"first_reason":"no JSON","repeated":false})"};
  });
  const temp_folder folder;
  program_call weir;
  CHECK(weir({"stream", "post", "s", file_of(folder, "a.csv", "a\n1\n2\n3\n"), "-o", "json", "--url", node.url()}) ==
        1);
  CHECK(json::parse(weir.out.str()) ==
        json{{"stream", "s"}, {"requests", 1}, {"repeated", 0}, {"accepted", 1}, {"dead", 2}});
  CHECK(weir.err.str() == "weir: 2 records could not be read; the first: no JSON\n  look: weir dead-letter list s\n");
  CHECK(weir({"stream", "post", "s", folder.path("absent"), "--url", node.url()}) == 1);
  CHECK(weir({"stream", "post", "s", "--batch", "0", "--url", node.url()}) == 2);
}

TEST_CASE("a batch of CSV begins with the header and never ends inside a quoted cell") {
  record_batches batches(2, true);
  batches.add("a,b\n");
  CHECK(batches.empty());
  batches.add("1,x\n");
  batches.add("2,\"first\n");
  CHECK_FALSE(batches.full());
  batches.add("\n");
  batches.add("second \"\"quoted\"\"\"\n");
  CHECK(batches.full());
  CHECK(batches.count() == 2);
  CHECK(batches.take() == "a,b\n1,x\n2,\"first\n\nsecond \"\"quoted\"\"\"\n");
  batches.add("3,y\n");
  CHECK(batches.take() == "a,b\n3,y\n");
}

TEST_CASE("a batch is full at its bytes, and a stray quote does not hold it open for ever") {
  record_batches lines(1'000'000, false), quoted(1'000'000, true);
  const std::string line(100'000, 'x');
  int count = 0;
  for (; !lines.full(); ++count) lines.add(line);
  CHECK(count == 11);
  quoted.add("h\n");
  quoted.add("\"open\n");
  for (count = 0; !quoted.full() && count < 100; ++count) quoted.add(line);
  CHECK(count < 100);
}

TEST_CASE("a line that is too long is refused with its file's name") {
  const temp_folder folder;
  auto from = line_source::open(file_of(folder, "long.txt", std::string(300'000, 'x')), 100'000);
  REQUIRE(from);
  std::string line;
  const auto got = from->next(line, std::chrono::milliseconds(1'000));
  REQUIRE_FALSE(got);
  CHECK(got.error().code == errc::limit_exceeded);
  CHECK(got.error().message.find("long.txt") != std::string::npos);
}

TEST_CASE("source test shows rows as a table and dead letters with their reasons") {
  std::string body =
      R"({"stream":"s","connector":"file","records":3,"columns":[{"name":"a"},{"name":"b"}],)"
      R"("rows":[[1,"x"],[2,null]],"dead":[{"reason":"no JSON","record":"{"}],"ended":true,"took_ms":4})";
  const stub_server node([&](const stub_request&) { return stub_reply{200, body}; });
  program_call weir;
  CHECK(weir({"source", "test", "--stream", "s", "--connector", "file", "--option", "path=/d/a", "--url",
              node.url()}) == 1);
  CHECK(node.last().target == "/v1/sources/test");
  CHECK(json::parse(node.last().body) == json{{"stream", "s"}, {"connector", "file"}, {"options", {{"path", "/d/a"}}}});
  CHECK(weir.out.str() == "a  b\n1  x\n2\n");
  CHECK(weir.err.str() == "weir: a record that cannot be read: no JSON\n  {\n");
  body = R"({"stream":"s","connector":"file","records":0,"dead":[],"ended":false,"took_ms":5000})";
  CHECK(weir({"source", "test", "cam1", "--url", node.url()}) == 4);
  CHECK(json::parse(node.last().body) == json{{"name", "cam1"}});
  CHECK(weir.err.str() == "weir: it opened, and no record came in 5000 ms\n");
  CHECK(weir({"source", "test", "--stream", "s", "--url", node.url()}) == 2);
}

}  // namespace weir::cli

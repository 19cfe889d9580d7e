#include "tools/weir/sse_reader.hpp"

#include <catch2/catch.hpp>
#include <random>
#include <vector>

namespace weir::cli {

namespace {

std::vector<std::string> read(const std::vector<std::string>& pieces) {
  sse_reader reader;
  std::vector<std::string> events;
  for (const auto& piece : pieces) {
    const auto fed = reader.feed(piece, [&](const sse_event& e) {
      events.push_back(e.type + "|" + e.data + "|" + e.id);
      return true;
    });
    REQUIRE(fed);
  }
  return events;
}

}  // namespace

TEST_CASE("events have a type, data of several lines and the last id") {
  CHECK(read({"id: 7\nevent: row\ndata: {\"a\":\ndata: 1}\n\n: still here\n\ndata:x\n\n"}) ==
        std::vector<std::string>{"row|{\"a\":\n1}|7", "message|x|7"});
}

TEST_CASE("an event without data, or without its empty line, is none") {
  CHECK(read({"event: row\nid: 3\n\ndata: cut"}).empty());
}

TEST_CASE("however a body is cut, the events are the same") {
  const std::string body =
      "retry: 1000\r\nid: a\r\ndata: one\r\ndata: two\r\n\r\nevent: shed\rdata: 2\r\rid: b\ndata: three\n\n";
  const auto whole = read({body});
  REQUIRE(whole == std::vector<std::string>{"message|one\ntwo|a", "shed|2|a", "message|three|b"});
  std::mt19937_64 random(7);
  for (int round = 0; round < 500; ++round) {
    std::vector<std::string> pieces;
    for (std::size_t at = 0; at < body.size();) {
      const auto size = std::uniform_int_distribution<std::size_t>(1, 9)(random);
      pieces.push_back(body.substr(at, size));
      at += size;
    }
    REQUIRE(read(pieces) == whole);
  }
}

TEST_CASE("a reader that is told to stop hands out nothing more") {
  sse_reader reader;
  int events = 0;
  REQUIRE(reader.feed("data: 1\n\ndata: 2\n\n", [&](const sse_event&) { return ++events < 1; }));
  CHECK(events == 1);
  CHECK(reader.stopped());
}

TEST_CASE("an event beyond the limit is refused") {
  sse_reader reader;
  const std::string piece(1 << 20, 'x');
  status fed = reader.feed("data: ", [](const sse_event&) { return true; });
  for (int i = 0; i < 17 && fed; ++i) fed = reader.feed(piece, [](const sse_event&) { return true; });
  REQUIRE_FALSE(fed);
  CHECK(fed.error().code == errc::limit_exceeded);
}

}  // namespace weir::cli

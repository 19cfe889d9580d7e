#include <catch2/catch.hpp>
#include <thread>

#include "tests/tools/program_call.hpp"
#include "tests/tools/stub_server.hpp"
#include "tools/weir/commands/live_tail.hpp"

namespace weir::cli {

namespace {

stub_reply events(const std::string& body) { return {200, body, "text/event-stream", true}; }

constexpr const char* hello = "retry: 1000\nid: t0\nevent: subscribed\ndata: {\"token\":\"t0\"}\n\n";

}  // namespace

TEST_CASE("tail prints rows as they come and resumes with the token after a lost connection") {
  int calls = 0;
  const stub_server node([&](const stub_request&) {
    if (++calls == 1) {
      return events(std::string(hello) +
                    "id: t1\ndata: {\"deleted\":[{\"a\":9}],\"rows\":[{\"a\":1}],\"token\":\"t1\"}\n\n");
    }
    return events(std::string(hello) + "id: t2\ndata: {\"rows\":[{\"a\":2},{\"a\":3}],\"token\":\"t2\"}\n\n");
  });
  program_call weir;
  REQUIRE(weir({"view", "tail", "v", "--from", "start", "--limit", "3", "-o", "json", "--url", node.url()}) == 0);
  CHECK(weir.out.str() == "{\"deleted\":{\"a\":9}}\n{\"a\":1}\n{\"a\":2}\n");
  const auto asked = node.requests();
  REQUIRE(asked.size() == 2);
  CHECK(asked[0].target == "/v1/views/v/live?from=start");
  CHECK(asked[1].target == "/v1/views/v/live?from=t1");
  CHECK_THAT(asked[0].head, Catch::Contains("Accept: text/event-stream"));
  CHECK_THAT(weir.err.str(), Catch::Contains("trying again"));
}

TEST_CASE("tail prints a heading once in tables and csv") {
  const stub_server node([&](const stub_request&) {
    return events("data: {\"rows\":[{\"image\":\"Sock\",\"n\":1},{\"image\":\"Hat\",\"n\":22}]}\n\n");
  });
  program_call weir;
  REQUIRE(weir({"view", "tail", "v", "--limit", "2", "--url", node.url()}) == 0);
  CHECK(weir.out.str() == "image     n\nSock      1\nHat       22\n");
  REQUIRE(weir({"view", "tail", "v", "--limit", "2", "-o", "csv", "--url", node.url()}) == 0);
  CHECK(weir.out.str() == "image,n,deleted\r\nSock,1,false\r\nHat,22,false\r\n");
}

TEST_CASE("tail tells what was left out, and fails with the node's problem") {
  const stub_server node([&](const stub_request&) {
    return events(
        "event: shed\ndata: {\"shed\":40}\n\nevent: problem\ndata: {\"detail\":\"the view was dropped\","
        "\"hint\":\"weir view list\"}\n\n");
  });
  program_call weir;
  CHECK(weir({"view", "tail", "v", "--url", node.url()}) == 1);
  CHECK_THAT(weir.err.str(), Catch::Contains("40 rows left out"));
  CHECK_THAT(weir.err.str(), Catch::Contains("the view was dropped\n  weir view list"));
}

TEST_CASE("tail gives up after its retries and tells how to go on") {
  int calls = 0;
  const stub_server node([&](const stub_request&) {
    return ++calls == 1 ? events(hello) : stub_reply{503, R"({"detail":"starting"})"};
  });
  program_call weir;
  CHECK(weir({"view", "tail", "v", "--retries", "2", "--url", node.url()}) == 1);
  CHECK(calls == 3);
  CHECK_THAT(weir.err.str(), Catch::Contains("go on where it ended: --from t0"));
}

TEST_CASE("tail of a view that does not exist fails at once with 3") {
  const stub_server node([&](const stub_request&) {
    return stub_reply{404, R"({"detail":"no view 'v'","hint":"there are: w"})"};
  });
  program_call weir;
  CHECK(weir({"view", "tail", "v", "--url", node.url()}) == 3);
  CHECK(weir.err.str() == "weir: no view 'v'\n  there are: w\n");
}

TEST_CASE("Ctrl-C ends a waiting tail in order") {
  const stub_server node([&](const stub_request&) {
    auto reply = events(hello);
    reply.hold = true;
    return reply;
  });
  program_call weir;
  std::thread ctrl_c([&] {
    while (node.requests().empty()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    weir.stopped = true;
  });
  CHECK(weir({"view", "tail", "v", "--url", node.url()}) == 0);
  ctrl_c.join();
}

TEST_CASE("the delay between tries doubles up to ten seconds") {
  CHECK(retry_delay(1).count() == 250);
  CHECK(retry_delay(2).count() == 500);
  CHECK(retry_delay(6).count() == 8000);
  CHECK(retry_delay(7).count() == 10'000);
  CHECK(retry_delay(1000).count() == 10'000);
}

TEST_CASE("stream tail prints each record once, in the order of arrival") {
  int calls = 0;
  const stub_server node([&](const stub_request&) {
    const std::string a1 = R"({"source":"a","sequence":1,"arrival":"1","record":"a1"})";
    const std::string b7 = R"({"source":"b","sequence":7,"arrival":"2","record":"b7"})";
    const std::string a2 = R"({"source":"a","sequence":2,"arrival":"3","record":"a2"})";
    if (++calls == 1) return stub_reply{200, "{\"items\":[" + a1 + "]}"};
    return stub_reply{200, "{\"items\":[" + a2 + "," + b7 + "," + a1 + "]}"};
  });
  program_call weir;
  REQUIRE(weir({"stream", "tail", "s", "--limit", "2", "-o", "csv", "--url", node.url()}) == 0);
  CHECK(weir.out.str() == "source,sequence,arrival,record,deleted\r\nb,7,2,b7,false\r\na,2,3,a2,false\r\n");
  calls = 0;
  REQUIRE(weir({"stream", "tail", "s", "--last", "1", "--limit", "1", "-o", "json", "--url", node.url()}) == 0);
  CHECK_THAT(weir.out.str(), Catch::Contains("a1"));
}

}  // namespace weir::cli

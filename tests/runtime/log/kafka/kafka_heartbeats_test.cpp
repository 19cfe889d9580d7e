// Heartbeats on Kafka: seen by all, in one order, with the brokers' time, and hidden by nobody's transaction.
#include "runtime/log/heartbeats.hpp"
#include "tests/runtime/log/kafka/kafka_fixture.hpp"

namespace weir::test {
namespace {

TEST_CASE("heartbeats reach every channel that is open, in one order", "[kafka]") {
  kafka_fixture fixture;
  auto const first = value_of(open_kafka_heartbeats(fixture.options, fixture.t));
  done(first->send("a", 1));
  auto const second = value_of(open_kafka_heartbeats(fixture.options, fixture.t));
  for (std::uint64_t i = 1; i <= 5; ++i) {
    done(first->send("a", 1));
    done(second->send("b", 1 + i));
  }
  std::vector<heartbeat> at_first, at_second;
  wait_until("all have come", [&] {
    for (auto& h : value_of(first->take())) at_first.push_back(std::move(h));
    for (auto& h : value_of(second->take())) at_second.push_back(std::move(h));
    return at_first.size() >= 11 && at_second.size() >= 10;
  });
  REQUIRE(at_first.size() == 11);
  REQUIRE(at_second.size() == 10);  // what was sent before it opened is not its own
  CHECK(std::equal(at_second.begin(), at_second.end(), at_first.begin() + 1));
  CHECK(at_first.back().node == "b");
  CHECK(at_first.back().incarnation == 6);
  using namespace std::chrono;
  auto const now_ms = duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
  CHECK(std::abs(at_first.back().appended_ms - now_ms) < 3'600'000);
}

TEST_CASE("what is no heartbeat is passed over, and an open transaction hides none", "[kafka]") {
  kafka_fixture fixture;
  auto const channel = value_of(open_kafka_heartbeats(fixture.options, fixture.t));
  foreign_producer open_one(fixture.prefix + "x");
  open_one.send(fixture.t, "nobody's number", "odd");
  done(channel->send("a", 7));
  std::vector<heartbeat> seen;
  wait_until("it has come", [&] {
    for (auto& h : value_of(channel->take())) seen.push_back(std::move(h));
    return !seen.empty();
  });
  CHECK(seen.size() == 1);
  CHECK(seen.front().node == "a");
  open_one.abort();
}

TEST_CASE("heartbeats into a topic that is not there are refused at the opening", "[kafka]") {
  kafka_fixture fixture([](kafka_log_options& o) { o.timeout = std::chrono::seconds(2); });
  CHECK_FALSE(open_kafka_heartbeats(fixture.options, fixture.prefix + "absent"));
}

}  // namespace
}  // namespace weir::test

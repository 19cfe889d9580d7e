#include "actors/gateway/subscription.hpp"

#include <catch2/catch.hpp>
#include <random>

#include "actors/gateway/access.hpp"
#include "actors/gateway/event_stream.hpp"
#include "actors/gateway/gateway_metrics.hpp"
#include "actors/gateway/live_channel.hpp"
#include "tests/support/fake_node.hpp"

using namespace weir;
using nlohmann::json;

namespace {

std::string text_of(const live_message& m) {
  return m.batch ? m.head + m.batch->members + std::string(m.tail) : m.head;
}

struct fixture {
  explicit fixture(gateway_options given = {}) : options(std::move(given)) {
    view = &node.add_view("v", "upsert", {}, {"k"});
  }
  void add(live_row::kind what, const json& row) { view->append(what, row); }

  fake_node node;
  fake_view* view = nullptr;
  gateway_options options;
  access_control access{options, 1};
  gateway_metrics metrics;
  gateway_context context{node, options, access, metrics};
};

constexpr auto row = live_row::kind::row;
constexpr auto deleted = live_row::kind::deleted;

void merge_into(std::map<int, int>& table, const live_batch& batch) {
  for (const auto& one : batch.deleted) table.erase(json::parse(*one.json)["k"].get<int>());
  for (const auto& one : batch.rows) {
    const auto value = json::parse(*one.json);
    table[value["k"].get<int>()] = value["n"].get<int>();
  }
}

}  // namespace

TEST_CASE("batches applied deletions first give the same table as the log, resumed anywhere", "[gateway]") {
  std::mt19937_64 random(20'26);
  for (int round = 0; round < 100; ++round) {
    fixture f({.max_batch_rows = 1 + random() % 20, .max_batch_bytes = 1 + random() % 300});
    std::map<int, int> expected, seen;
    for (int n = 0; n < 200; ++n) {
      const int key = static_cast<int>(random() % 8);
      const bool gone = random() % 3 == 0;
      f.add(gone ? deleted : row, gone ? json{{"k", key}} : json{{"k", key}, {"n", n}});
      gone ? static_cast<void>(expected.erase(key)) : static_cast<void>(expected[key] = n);
    }
    std::string token = "start";
    auto subscribed = subscription::open(f.context, "v", token, [] {}).value();
    while (auto batch = subscribed->next().value()) {
      CHECK(batch->rows.size() + batch->deleted.size() <= f.options.max_batch_rows);
      merge_into(seen, *batch);
      if (batch->token.empty()) continue;
      token = batch->token;
      if (random() % 4 == 0) subscribed = subscription::open(f.context, "v", token, [] {}).value();
    }
    CHECK(seen == expected);
  }
}

TEST_CASE("a subscriber too far behind is moved to the end and told how much it missed", "[gateway]") {
  fixture f({.max_backlog_rows = 10});
  auto subscribed = subscription::open(f.context, "v", "now", [] {}).value();
  for (int n = 0; n < 10; ++n) f.add(row, {{"k", n}});
  CHECK(subscribed->next().value()->rows.size() == 10);
  for (int n = 0; n < 11; ++n) f.add(row, {{"k", n}});
  const auto batch = subscribed->next().value();
  CHECK(batch->members == R"("shed":11,"token":"o21")");
  CHECK(f.metrics.rows_shed == 11);
  CHECK_FALSE(subscribed->next().value());
}

TEST_CASE("subscriptions of all clients together have a limit", "[gateway]") {
  fixture f({.max_subscriptions = 2});
  auto first = subscription::open(f.context, "v", "now", [] {}).value();
  auto second = subscription::open(f.context, "v", "now", [] {}).value();
  CHECK(subscription::open(f.context, "v", "now", [] {}).error().code == errc::limit_exceeded);
  CHECK(subscription::open(f.context, "absent", "now", [] {}).error().code == errc::limit_exceeded);
  first.reset();
  CHECK(subscription::open(f.context, "absent", "now", [] {}).error().code == errc::not_found);
  CHECK(subscription::open(f.context, "v", "now", [] {}));
  CHECK(f.metrics.subscriptions_open == 1);
}

TEST_CASE("a range that is lost ends the subscription with an error, never in silence", "[gateway]") {
  fixture f;
  for (int n = 0; n < 5; ++n) f.add(row, {{"k", n}});
  auto subscribed = subscription::open(f.context, "v", "o1", [] {}).value();
  f.view->first = 3;
  CHECK(subscribed->next().error().code == errc::offset_out_of_range);
  CHECK(subscription::open(f.context, "v", "o1", [] {}).error().code == errc::offset_out_of_range);
}

TEST_CASE("a channel refuses what it does not understand and goes on", "[gateway]") {
  fixture f({.max_subscriptions_per_connection = 1});
  live_channel channel(f.context, [] {});
  const auto said = [&](const std::string& text) {
    channel.receive(text);
    return json::parse(text_of(channel.next_message().value()));
  };
  CHECK(said("nonsense")["error"]["code"] == "parse_error");
  CHECK(said("[]")["error"]["status"] == 400);
  CHECK(said(R"({"op":"dance"})")["error"]["code"] == "invalid_argument");
  CHECK(said(R"({"op":"subscribe","view":"v"})")["error"]["detail"] == "subscribe lacks 'id'");
  CHECK(said(R"({"op":"subscribe","id":"a"})")["id"] == "a");
  CHECK(said(R"({"op":"subscribe","id":"a","view":"w"})")["error"]["status"] == 404);
  CHECK(said(R"({"op":"subscribe","id":"a","view":"v","from":"zzz"})")["error"]["status"] == 400);
  CHECK(said(R"({"op":"subscribe","id":"a","view":"v"})")["subscribed"]["view"] == "v");
  CHECK(said(R"({"op":"subscribe","id":"a","view":"v"})")["error"]["code"] == "already_exists");
  CHECK(said(R"({"op":"subscribe","id":"b","view":"v"})")["error"]["code"] == "limit_exceeded");
  CHECK(said(R"({"op":"unsubscribe","id":"b"})")["error"]["code"] == "not_found");
  CHECK(said(R"({"op":"unsubscribe","id":"a"})")["unsubscribed"] == true);
  CHECK(said(R"({"op":"ping"})")["pong"] == true);
  CHECK_FALSE(channel.next_message());
}

TEST_CASE("a channel serves its subscriptions in turn", "[gateway]") {
  fixture f({.max_batch_rows = 1});
  live_channel channel(f.context, [] {});
  for (const char* id : {"a", "b", "c"}) {
    channel.receive(json{{"op", "subscribe"}, {"id", id}, {"view", "v"}}.dump());
    channel.next_message();
  }
  f.add(row, {{"k", 1}});
  f.add(row, {{"k", 2}});
  std::string order;
  while (auto message = channel.next_message()) order += json::parse(text_of(*message))["id"].get<std::string>();
  CHECK(order == "abcabc");
}

TEST_CASE("answers that a client does not read make the channel stop listening", "[gateway]") {
  fixture f;
  live_channel channel(f.context, [] {});
  int taken = 0;
  for (; !channel.congested() && taken < 1'000; ++taken) channel.receive(R"({"op":"ping"})");
  CHECK(taken == 64);
  channel.next_message();
  CHECK_FALSE(channel.congested());
}

TEST_CASE("an event stream carries ids that resume and ends with a problem", "[gateway]") {
  fixture f;
  event_stream events(subscription::open(f.context, "v", "now", [] {}).value());
  CHECK(events.opening() == "retry: 1000\nid: o0\nevent: subscribed\ndata: {\"token\":\"o0\"}\n\n");
  f.add(deleted, {{"k", 1}});
  f.add(row, {{"k", 1}});
  CHECK(events.next_event().value() ==
        "id: o2\ndata: {\"deleted\":[{\"k\":1}],\"rows\":[{\"k\":1}],\"token\":\"o2\"}\n\n");
  CHECK_FALSE(events.next_event());
  f.view->first = 9;
  CHECK(events.next_event().value().starts_with("event: problem\ndata: {\"code\":\"offset_out_of_range\""));
  CHECK(events.ended());
  CHECK_FALSE(events.next_event());
}

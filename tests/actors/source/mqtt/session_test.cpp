#include "actors/source/mqtt/session.hpp"

#include "tests/actors/source/mqtt/mqtt_fixture.hpp"

using namespace weir;
using namespace weir::mqtt;
using namespace weir::mqtt_test;
using namespace std::chrono_literals;

namespace {

struct talk {
  explicit talk(version v = version::v5, std::vector<std::string> filters = {"a/#"}, std::uint8_t qos = 1) : speaks(v) {
    options.connect.speaks = v;
    options.connect.client_id = "me";
    options.connect.keep_alive = 30;
    options.connect.receive_maximum = 3;
    options.filters = std::move(filters);
    options.qos = qos;
    restart();
  }
  void restart() {
    under_test.emplace(options);
    REQUIRE(under_test->start(now));
  }
  // Everything the bytes hold; the first error's text, else empty.
  std::string hear(const std::string& stream) {
    const auto raw = packets_of(stream);
    if (!raw) return raw.error().text();
    for (const auto& packet : *raw)
      if (auto taken = under_test->receive(packet, now, messages); !taken) return taken.error().text();
    return {};
  }
  std::string run() { return hear(connack(speaks) + suback(speaks)); }
  std::string say() { return under_test->take_output(); }
  void pass(std::chrono::milliseconds time) { now += time; }

  version speaks;
  session_options options;
  session::time_point now{1h};
  std::optional<session> under_test;
  std::vector<publish_packet> messages;
};

bool says(const std::string& text, std::string_view part) {
  CAPTURE(text);
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a session connects, subscribes, and then runs") {
  for (const auto v : {version::v3_1_1, version::v5}) {
    talk t(v, {"a/#", "b"});
    CHECK(t.say() == *encode(t.options.connect));
    CHECK_FALSE(t.under_test->connected());
    CHECK(t.hear(connack(v, 0, true)).empty());
    CHECK(t.under_test->connected());
    CHECK(t.under_test->session_present());
    CHECK_FALSE(t.under_test->subscribed());
    CHECK(t.say() == *encode(v, subscribe_packet{1, {"a/#", "b"}, 1}));
    CHECK(t.hear(suback(v, {1, 1})).empty());
    CHECK(t.under_test->subscribed());
    t.under_test->close();
    CHECK(t.say() == bytes({0xe0, 0}));
    CHECK_FALSE(t.under_test->connected());
  }
}

TEST_CASE("a message is acknowledged when that is asked for, once, and never by itself") {
  talk t;
  REQUIRE(t.run().empty());
  t.say();
  CHECK(t.hear(publish(version::v5, "a/1", "x", 7) + publish(version::v5, "a/1", "y")).empty());
  CHECK(t.messages.size() == 2);
  CHECK(t.say().empty());
  t.under_test->acknowledge(8, t.now);
  CHECK(t.say().empty());
  t.under_test->acknowledge(7, t.now);
  t.under_test->acknowledge(7, t.now);
  CHECK(t.say() == bytes({0x40, 2, 0, 7}));
  CHECK(t.under_test->unacknowledged() == 0);
  CHECK(t.hear(publish(version::v5, "a/1", "z", 7)).empty());
}

TEST_CASE("what the broker kept comes before the answer to the subscription") {
  talk t;
  CHECK(t.hear(connack(version::v5, 0, true) + publish(version::v5, "a/1", "kept", 1, 8)).empty());
  REQUIRE(t.messages.size() == 1);
  CHECK(t.messages.front().payload == "kept");
  CHECK(t.hear(suback(version::v5)).empty());
  CHECK(t.under_test->subscribed());
}

TEST_CASE("a refused connection says why in words, and what to do") {
  const auto refused = [](version v, int code, std::string_view inside = {}) {
    return talk(v).hear(connack(v, code, false, inside));
  };
  CHECK(says(refused(version::v5, 0x86), "the broker refused the connection: bad user name or password (0x86)"));
  CHECK(says(refused(version::v5, 0x86), "username and password"));
  CHECK(says(refused(version::v3_1_1, 4), "bad user name or password"));
  CHECK(says(refused(version::v3_1_1, 5), "not authorized"));
  CHECK(says(refused(version::v3_1_1, 3), "server unavailable"));
  CHECK(says(refused(version::v3_1_1, 2), "client identifier not valid"));
  CHECK(says(refused(version::v3_1_1, 1), "unsupported protocol version (0x84); the broker does not speak MQTT 3.1.1"));
  CHECK(says(refused(version::v5, 0x84), "give version=3.1.1"));
  CHECK(says(talk().hear(bytes({0x20, 2, 0, 1})), "give version=3.1.1"));
  CHECK(says(refused(version::v5, 0x89, bytes({0x1f}) + text("come\nback")), "server busy (0x89): come%0Aback"));
  CHECK(says(refused(version::v5, 0xf0), "reason code 0xf0"));
}

TEST_CASE("a refused or weakened subscription ends the session with the filter's name") {
  talk t(version::v5, {"a/#", "secret/#"});
  t.hear(connack(version::v5));
  CHECK(says(t.hear(suback(version::v5, {1, 0x87})), "refused the subscription to 'secret/#': not authorized (0x87)"));
  talk old(version::v3_1_1);
  old.hear(connack(version::v3_1_1));
  CHECK(says(old.hear(suback(version::v3_1_1, {0x80})), "refused the subscription to 'a/#': failure (0x80)"));
  talk weak;
  weak.hear(connack(version::v5));
  CHECK(says(weak.hear(suback(version::v5, {0})), "grants QoS 0 for 'a/#', not 1; give qos=0"));
  talk much(version::v5, {"a/#"}, 0);
  much.hear(connack(version::v5));
  CHECK(says(much.hear(suback(version::v5, {1})), "QoS 1 where 0 was asked for"));
  talk few(version::v5, {"a", "b"});
  few.hear(connack(version::v5));
  CHECK(says(few.hear(suback(version::v5, {1})), "1 answers to 2 topic filters"));
}

TEST_CASE("a broker that breaks the protocol is told apart from a message") {
  const auto v = version::v5;
  CHECK(says(talk().hear(publish(v, "a", "x")), "a PUBLISH before its CONNACK"));
  CHECK(says(talk().hear(suback(v)), "a SUBACK before its CONNACK"));
  CHECK(says(talk().hear(connack(v) + connack(v)), "a second CONNACK"));
  const auto running = [&](const std::string& stream) {
    talk t;
    REQUIRE(t.run().empty());
    return t.hear(stream);
  };
  CHECK(says(running(suback(v)), "a SUBACK that was not asked for"));
  CHECK(says(running(suback(v, {1}, 9)), "a SUBACK that was not asked for"));
  CHECK(says(running(bytes({0xd0, 0})), "a PINGRESP that was not asked for"));
  CHECK(says(running(bytes({0x40, 2, 0, 1})), "a PUBACK, which was not asked for"));
  CHECK(says(running(framed(0x34, text("a") + bytes({0, 1, 0}))), "a message with QoS 2, above the 1"));
  CHECK(says(running(publish(v, "a", "x", 7) + publish(v, "a", "y", 7)), "packet identifier 7 is in use"));
  CHECK(says(running(publish(v, "a", "x", 7) + publish(v, "a", "x", 7, 8)), "packet identifier 7 is in use"));
  talk clean;
  clean.options.connect.clean = true;
  clean.restart();
  CHECK(says(clean.hear(connack(v, 0, true)), "a session is present although a clean one was asked for"));
}

TEST_CASE("an old broker that sends again on the same connection is heard once") {
  talk t(version::v3_1_1);
  REQUIRE(t.run().empty());
  CHECK(t.hear(publish(version::v3_1_1, "a", "x", 7) + publish(version::v3_1_1, "a", "x", 7, 8)).empty());
  CHECK(t.messages.size() == 1);
}

TEST_CASE("more messages on the way than the receive maximum are taken: real brokers send them") {
  for (const auto v : {version::v5, version::v3_1_1}) {
    talk t(v);  // its receive maximum is 3
    REQUIRE(t.run().empty());
    for (int id = 1; id <= 10; ++id) CHECK(t.hear(publish(v, "a", "x", id)).empty());
    CHECK(t.messages.size() == 10);
  }
}

TEST_CASE("a broker's farewell says why in words") {
  talk t;
  REQUIRE(t.run().empty());
  CHECK(says(t.hear(bytes({0xe0, 1, 0x8e})),
             "the broker ended the connection: session taken over (0x8e); another client"));
  CHECK(says(t.hear(bytes({0xe0, 1, 0x8b})), "server shutting down"));
}

TEST_CASE("a silent connection is kept alive, and a broker that does not answer is given up") {
  talk t;
  REQUIRE(t.run().empty());
  t.say();
  t.pass(29s);
  REQUIRE(t.under_test->tick(t.now));
  CHECK(t.say().empty());
  CHECK(t.under_test->next_tick() == t.now + 1s);
  t.pass(1s);
  REQUIRE(t.under_test->tick(t.now));
  CHECK(t.say() == bytes({0xc0, 0}));
  CHECK(t.hear(bytes({0xd0, 0})).empty());
  t.pass(30s);
  REQUIRE(t.under_test->tick(t.now));
  CHECK(t.say() == bytes({0xc0, 0}));
  t.pass(9s);
  REQUIRE(t.under_test->tick(t.now));
  t.pass(1s);
  const auto gone = t.under_test->tick(t.now);
  REQUIRE_FALSE(gone);
  CHECK(gone.error().code == errc::timeout);
  CHECK(says(gone.error().text(), "has not answered a PINGREQ within 10000 ms"));
}

TEST_CASE("what the client sends counts as a sign of life") {
  talk t;
  REQUIRE(t.run().empty());
  t.say();
  REQUIRE(t.hear(publish(version::v5, "a", "x", 1)).empty());
  t.pass(20s);
  t.under_test->acknowledge(1, t.now);
  t.say();
  t.pass(20s);
  REQUIRE(t.under_test->tick(t.now));
  CHECK(t.say().empty());
}

TEST_CASE("while nothing is read no answer is missed, and pings go out all the same") {
  talk t;
  REQUIRE(t.run().empty());
  t.say();
  t.under_test->set_reading(false, t.now);
  for (int i = 0; i < 5; ++i) {
    t.pass(30s);
    REQUIRE(t.under_test->tick(t.now));
    CHECK(t.say() == bytes({0xc0, 0}));
  }
  t.under_test->set_reading(true, t.now);
  t.pass(9s);
  REQUIRE(t.under_test->tick(t.now));
  t.pass(2s);
  CHECK_FALSE(t.under_test->tick(t.now));
}

TEST_CASE("a slow broker that speaks is not given up for an answer that comes late") {
  for (const bool subscribed : {true, false}) {
    talk t;
    REQUIRE(t.hear(connack(version::v5)).empty());
    if (subscribed) {
      REQUIRE(t.hear(suback(version::v5)).empty());
      t.pass(30s);
      REQUIRE(t.under_test->tick(t.now));  // a PINGREQ
    }
    for (int id = 1; id <= 5; ++id) {
      t.pass(9s);
      REQUIRE(t.under_test->tick(t.now));
      CHECK(t.hear(publish(version::v5, "a", "x", id)).empty());
    }
    t.pass(10s);
    CHECK_FALSE(t.under_test->tick(t.now));
  }
}

TEST_CASE("a subscription without an answer times out") {
  talk t;
  t.hear(connack(version::v5));
  t.pass(10s);
  CHECK(says(t.under_test->tick(t.now).error().text(), "has not answered a SUBSCRIBE"));
}

TEST_CASE("the broker's own keep alive counts") {
  talk t;
  REQUIRE(t.hear(connack(version::v5, 0, false, bytes({0x13, 0, 5})) + suback(version::v5)).empty());
  t.say();
  t.pass(5s);
  REQUIRE(t.under_test->tick(t.now));
  CHECK(t.say() == bytes({0xc0, 0}));
  talk never;
  REQUIRE(never.hear(connack(version::v5, 0, false, bytes({0x13, 0, 0})) + suback(version::v5)).empty());
  CHECK_FALSE(never.under_test->next_tick());
}

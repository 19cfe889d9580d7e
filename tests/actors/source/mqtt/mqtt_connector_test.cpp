// The connector against a broker that a test moves step by step. Against a real one: tests/process/mqtt_test.py.
#include "actors/source/mqtt/mqtt_connector.hpp"

#include <chrono>
#include <thread>

#include "actors/net/io_thread.hpp"
#include "tests/actors/source/mqtt/scripted_broker.hpp"
#include "tests/actors/source/source_fixture.hpp"

using namespace weir;
using namespace weir::mqtt_test;
using source_test::context_for;
using source_test::option_map;

namespace {

struct under_test {
  explicit under_test(option_map more = {}, version v = version::v5) : broker(v) {
    context = context_for({}, "json");
    context.max_record_bytes = 1'000;
    context.mqtt.brokers = {broker.address()};
    context.mqtt.network = std::make_shared<io_thread>();
    context.wake = [this] { ++woken; };
    options = {{"url", "mqtt://" + broker.address()}, {"topic", "in/#"}};
    if (v == version::v3_1_1) options["version"] = "3.1.1";
    for (auto& [name, value] : more) options[name] = value;
  }
  void open(std::string_view position = {}) {
    auto made = make_connector({"s", "t", "mqtt", options}, context);
    if (!made) FAIL(made.error().text());
    source = std::move(*made);
    REQUIRE(source->open(position));
  }
  // Pulls until the chunk has content, or the error.
  result<source_chunk> pull(pull_limits limits = {}) {
    for (int i = 0; i < 6'000; ++i) {
      auto chunk = source->pull(limits);
      if (!chunk || chunk->records.size() + chunk->failures.size() > 0) return chunk;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return fail(errc::timeout, "nothing came");
  }
  std::string pulled(pull_limits limits = {}) {
    auto chunk = pull(limits);
    if (!chunk) return chunk.error().text();
    std::string out;
    for (std::size_t i = 0; i < chunk->records.size(); ++i) out += std::string(chunk->records[i]) + ";";
    for (const auto& f : chunk->failures) out += "!" + f.reason + ";";
    return out;
  }
  void wait_until_connected() {
    for (int i = 0; i < 6'000 && !source->connected(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    REQUIRE(source->connected());
  }
  void send(std::string_view payload, int id = 0, std::string_view topic = "in/a") {
    broker.write(publish(version::v5, topic, payload, id));
  }

  scripted_broker broker;
  connector_context context;
  option_map options;
  std::atomic<int> woken{0};
  std::unique_ptr<connector> source;
};

bool says(const std::string& text, std::string_view part) {
  CAPTURE(text);
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("messages are records, acknowledged when their chunk is committed and not before") {
  under_test t;
  t.open();
  CHECK_FALSE(t.source->connected());
  CHECK(t.source->acknowledges());
  t.broker.serve();
  t.wait_until_connected();
  t.send("a", 7);
  CHECK(t.pulled() == "a;");
  t.send("b", 8);
  t.send("c");
  std::string more;
  while (more.size() < 4) more += t.pulled();
  CHECK(more == "b;c;");
  t.send("d", 9);
  CHECK(t.pulled() == "d;");
  CHECK(t.woken >= 3);
  t.source->committed(99);
  t.source->committed(1);
  CHECK(t.broker.read_acknowledgement() == 7);
  t.source->committed(2);
  CHECK(t.broker.read_acknowledgement() == 8);
}

TEST_CASE("a source that ends says goodbye behind its acknowledgements") {
  under_test t;
  t.open();
  t.broker.serve();
  t.send("a", 7);
  CHECK(t.pulled() == "a;");
  t.source->committed(1);
  t.source.reset();
  CHECK(t.broker.read_acknowledgement() == 7);
  CHECK(t.broker.read().type() == mqtt::packet_type::disconnect);
  CHECK(t.broker.closed_by_client());
}

TEST_CASE("what a dying connection brought is handed over before its error") {
  under_test t;
  t.open();
  t.broker.serve();
  for (int i = 1; i <= 5; ++i) t.send("x", i);
  CHECK(t.pulled({.max_records = 2}) == "x;x;");
  t.broker.hang_up();
  std::string rest, last;
  while (last.find("closed") == std::string::npos && last.find("broke") == std::string::npos) {
    rest += last;
    last = t.pulled({.max_records = 2});
  }
  CHECK(rest == "x;x;x;");
  CHECK(says(last, "mqtt://127.0.0.1:"));
  CHECK_FALSE(t.source->connected());
  t.source->committed(1);  // the connection is gone: nobody to tell
}

TEST_CASE("a full buffer stops reading until records are taken, and nothing is lost") {
  under_test t({{"qos", "0"}, {"receive_maximum", "100"}});
  t.context.mqtt.buffer_bytes = 64 << 10;
  t.open();
  t.broker.accept();
  t.broker.read();
  t.broker.write(connack(version::v5));
  t.broker.read();
  t.broker.write(suback(version::v5, {0}));
  const auto message = publish(version::v5, "in/a", std::string(900, 'x'));
  constexpr std::size_t much = 64 << 20;
  const auto sent = t.broker.write_until_full(message, much);
  CHECK(sent < much);
  CHECK(sent >= 100 * message.size());
  const auto before = sent / message.size();
  std::size_t taken = 0;
  while (taken < before) {
    auto chunk = t.pull();
    if (!chunk) FAIL(chunk.error().text());
    CHECK(chunk->records.size() <= 200);
    taken += chunk->records.size();
  }
  CHECK(taken == before);
  CHECK(t.source->connected());
}

TEST_CASE("a chunk is limited in records and bytes") {
  under_test t;
  t.open();
  t.broker.serve();
  for (int i = 1; i <= 6; ++i) t.send(std::string(100, 'x'), i);
  std::size_t got = 0;
  while (got < 6) {
    auto chunk = t.pull({.max_records = 4, .max_bytes = 230});
    REQUIRE(chunk);
    CHECK(chunk->records.size() <= 2);
    got += chunk->records.size();
  }
}

TEST_CASE("a message over max_record is a failure with its size, and the next one is read") {
  under_test t;
  t.open();
  t.broker.serve();
  t.send(std::string(200'000, 'x'), 1);
  auto chunk = t.pull();
  REQUIRE(chunk);
  REQUIRE(chunk->failures.size() == 1);
  CHECK(chunk->failures[0].reason == "the message on topic in/a has 200000 bytes, more than log.max_record = 1000");
  CHECK(chunk->failures[0].bytes == std::string(1'000, 'x'));
  t.source->committed(1);
  CHECK(t.broker.read_acknowledgement() == 1);
  t.send("next", 2);
  CHECK(t.pulled() == "next;");
}

TEST_CASE("a packet over max_packet ends the connection with its size") {
  under_test t(option_map{{"max_packet", "2000"}});
  t.open();
  t.broker.serve();
  t.send(std::string(3'000, 'x'), 1);
  CHECK(says(t.pulled(), "a PUBLISH of 3009 bytes is over the limit of 2000"));
}

TEST_CASE("a broker that takes the connection and says nothing is given up after the connect timeout") {
  under_test t;
  t.context.mqtt.connect_timeout_us = 200'000;
  t.open();
  t.broker.accept();
  CHECK(says(t.pulled(), "not connected within 200 ms; waiting for the broker's CONNACK"));
}

TEST_CASE("a host that does not exist is named") {
  under_test t(option_map{{"url", "mqtt://no-such-host.invalid:1883"}});
  t.context.mqtt.brokers = {"no-such-host.invalid:1883"};
  t.open();
  CHECK(says(t.pulled(), "host 'no-such-host.invalid' is not known"));
}

TEST_CASE("bytes that are no MQTT end the connection with what is wrong") {
  under_test t;
  t.open();
  t.broker.accept();
  t.broker.write("HTTP/1.1 400 Bad Request\r\n\r\n" + std::string(100, ' '));
  CHECK(says(t.pulled(), "malformed PUBACK: flags 0x08"));
}

TEST_CASE("positions count messages, and a damaged one is refused") {
  under_test t;
  t.open(R"({"v":1,"messages":41})");
  t.broker.serve(true);
  t.send("a", 1);
  auto chunk = t.pull();
  REQUIRE(chunk);
  CHECK(chunk->position == R"({"messages":42,"v":1})");
  CHECK(says(chunk->progress, "resumed session, 42 messages"));
  for (const auto* damaged : {"x", "{}", R"({"v":2,"messages":1})", R"({"v":1,"messages":-1})", "[]", "null"}) {
    auto made = make_connector({"s", "t", "mqtt", t.options}, t.context);
    REQUIRE(made);
    CHECK_FALSE((*made)->open(damaged));
  }
}

TEST_CASE("a network ends although connections are open") {
  under_test t;
  t.open();
  t.broker.serve();
  t.wait_until_connected();
  t.context.mqtt.network.reset();
  t.source.reset();
  CHECK(t.broker.read().type() == mqtt::packet_type::disconnect);
}

TEST_CASE("a topic is put in front of an object, and of nothing else") {
  CHECK(with_topic(R"({"v":1})", "topic", "in/a") == R"({"topic":"in/a","v":1})");
  CHECK(with_topic(" {} ", "t", "a\"b\\c") == R"({"t":"a\"b\\c"} )");
  CHECK(with_topic("{\n \"v\": 1 }", "t", "x") == "{\"t\":\"x\",\n \"v\": 1 }");
  for (const auto* other : {"", " ", "[1]", "Hello from deeplens", "1"}) CHECK(with_topic(other, "t", "x") == other);
  CHECK(with_topic("{", "t", "x") == "{\"t\":\"x\",");
}

TEST_CASE("the options of an MQTT source are checked before anything connects") {
  const auto refusal = [](option_map more, std::string format = "json") {
    auto context = context_for({}, format);
    context.mqtt.brokers = {"localhost:1883", "Broker.Example:8883", "[::1]:1883"};
    context.mqtt.folders = {"/secrets"};
    option_map options{{"url", "mqtt://localhost"}, {"topic", "in/#"}};
    for (auto& [name, value] : more) options[name] = value;
    const auto checked = check_source({"s", "t", "mqtt", options}, context);
    return checked ? std::string() : checked.error().text();
  };
  CHECK(refusal({}).empty());
  CHECK(refusal({{"url", "mqtt://LOCALHOST:1883/"}}).empty());
  CHECK(refusal({{"url", "mqtts://broker.example"}}).empty());
  CHECK(refusal({{"url", "mqtt://[::1]"}}).empty());
  CHECK(refusal({{"username", "u"}, {"password", "p"}}).empty());
  CHECK(says(refusal({{"url", "mqtt://other:1883"}}), "the broker other:1883 is not one that MQTT sources may reach"));
  CHECK(says(refusal({{"url", "mqtt://localhost:1884"}}), "sources.mqtt.allow in config.toml has localhost:1883"));
  for (const auto* url :
       {"http://localhost", "localhost:1883", "mqtt://", "mqtt://:1883", "mqtt://localhost:0", "mqtt://localhost:65536",
        "mqtt://localhost:x", "mqtt://localhost/a", "mqtt://[::1", "mqtt://lo calhost"})
    CHECK(says(refusal({{"url", url}}), "option url"));
  const auto with_password = refusal({{"url", "mqtt://user:hidden@localhost"}});
  CHECK(says(with_password, "username and password_file"));
  CHECK(with_password.find("hidden") == std::string::npos);
  CHECK(says(refusal({{"topic", "a/b#"}}), "'a/b#' is no topic filter"));
  CHECK(says(refusal({{"qos", "2"}}), "option qos = '2' is not one of 0, 1"));
  CHECK(says(refusal({{"version", "4"}}), "5, 3.1.1"));
  CHECK(says(refusal({{"keep_alive", "100 ms"}}), "keep_alive"));
  CHECK(says(refusal({{"receive_maximum", "0"}}), "from 1 to 65535"));
  CHECK(says(refusal({{"receive_maximum", "65536"}}), "from 1 to 65535"));
  CHECK(says(refusal({{"max_packet", "10"}}), "max_packet"));
  CHECK(says(refusal({{"client_id", std::string(257, 'c')}}), "client_id has more than 256 bytes"));
  CHECK(says(refusal({{"username", std::string(1'025, 'u')}}), "username has more than 1024 bytes"));
  CHECK(says(refusal({{"password", "p"}}), "needs the option username"));
  CHECK(says(refusal({{"username", "u"}, {"password", "p"}, {"password_file", "/secrets/p"}}), "not both"));
  CHECK(says(refusal({{"username", "u"}, {"password_file", "/etc/passwd"}}), "sources.mqtt.folders"));
  CHECK(says(refusal({{"ca_file", "/secrets/ca"}}), "is for mqtts:// urls"));
  CHECK(says(refusal({{"url", "mqtts://broker.example"}, {"cert_file", "/secrets/c"}}), "go together"));
  CHECK(says(refusal({{"topic_column", "topic"}}, "raw"), "needs a stream of format json"));
  CHECK(says(refusal({}, "csv"), "stream t is CSV, whose header no MQTT message brings"));
  CHECK(says(refusal({{"topic_column", "a\"b"}}), "no name of a column"));
  CHECK(says(refusal({{"pasword", "p"}}), "did you mean 'password'?"));
  CHECK(says(
      check_source({"s", "t", "mqtt", {{"url", "mqtt://localhost"}, {"topic", "a"}}}, context_for({})).error().text(),
      "sources.mqtt.allow in config.toml is empty"));
}

TEST_CASE("a password is shown to nobody, and each source says what it guarantees") {
  const source_spec spec{"s", "t", "mqtt", {{"username", "u"}, {"password", "hidden"}}};
  const auto shown = shown_options(spec);
  CHECK(shown.at("password") == "***");
  CHECK(shown.at("username") == "u");
  CHECK(guarantee_of(spec) == "at least once");
  CHECK(guarantee_of({"s", "t", "mqtt", {{"qos", "0"}}}) == "at most once before the log, exactly once after it");
  CHECK(guarantee_of({"s", "t", "file", {}}) == "exactly once");
}

TEST_CASE("a trial takes no session over, leaves none behind and takes nothing from others") {
  under_test t({{"topic", "$share/workers/in/#"}, {"client_id", "mine"}});
  t.context.trial = true;
  t.open();
  t.broker.accept();
  const auto hello = t.broker.read().body;
  CHECK((hello[7] & 0x02) != 0);  // clean
  CHECK(hello.find(bytes({0x11, 0, 0, 0, 0})) != std::string::npos);
  CHECK(hello.find("mine.trial.") != std::string::npos);
  t.broker.write(connack(version::v5));
  const auto subscription = t.broker.read().body;
  CHECK(subscription.substr(3) == text("in/#") + bytes({0x10}));
}

TEST_CASE("a source's session has the same name as long as it reads the same topics") {
  const auto client_id = [](option_map more) {
    under_test t(std::move(more));
    t.open();
    t.broker.accept();
    const auto body = t.broker.read().body;
    return body.substr(body.find("weir.s."));
  };
  const auto usual = client_id({});
  CHECK(usual == client_id({{"keep_alive", "5 s"}}));
  CHECK(usual != client_id({{"topic", "other"}}));
}

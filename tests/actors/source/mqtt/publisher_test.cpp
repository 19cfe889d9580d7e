#include "actors/source/mqtt/publisher.hpp"

#include <future>

#include "tests/actors/source/mqtt/scripted_broker.hpp"

using namespace weir;
using namespace weir::mqtt;
using namespace weir::mqtt_test;

namespace {

publisher_options options_for(const scripted_broker& broker) {
  publisher_options o;
  o.broker = {"127.0.0.1", broker.port(), false};
  o.connect.client_id = "p";
  o.connect.clean = true;
  o.window = 2;
  o.timeout = std::chrono::milliseconds(60'000);
  return o;
}

std::string acknowledged(int id) { return bytes({0x40, 2, id >> 8, id & 0xff}); }

struct outcome {
  std::size_t confirmed = 0;
  std::string problem;
};

// The publisher blocks, so it has a thread; the broker's part, and every check, is the test's own.
std::future<outcome> sending(const scripted_broker& broker, std::vector<std::string_view> payloads) {
  return std::async(std::launch::async, [o = options_for(broker), payloads] {
    outcome out;
    auto made = publisher::open(o);
    const auto sent = made ? (*made)->send("t", payloads, out.confirmed) : status(fail(made.error()));
    if (!sent) out.problem = sent.error().text();
    return out;
  });
}

}  // namespace

TEST_CASE("a publisher has no more messages on the way than its window, and returns when all are confirmed") {
  scripted_broker broker;
  auto sent = sending(broker, {"a", "b", "c", "d", "e"});
  broker.accept();
  broker.read();
  broker.write(connack(version::v5));
  std::string seen;
  for (int id = 1; id <= 5; ++id) {
    const auto message = std::get<publish_packet>(*decode(version::v5, broker.read()));
    CHECK(message.id == id);
    CHECK(message.topic == "t");
    seen += message.payload;
    if (id >= 2) broker.write(acknowledged(id - 1));  // the next comes only then
  }
  broker.write(acknowledged(5));
  const auto done = sent.get();
  CHECK(done.problem.empty());
  CHECK(done.confirmed == 5);
  CHECK(seen == "abcde");
}

TEST_CASE("a publisher whose broker refuses a message or goes away says what is confirmed") {
  for (const bool refuses : {true, false}) {
    scripted_broker broker;
    auto sent = sending(broker, {"a", "b", "c"});
    broker.accept();
    broker.read();
    broker.write(connack(version::v5));
    broker.read();
    broker.read();
    broker.write(acknowledged(1));
    if (refuses) broker.write(bytes({0x40, 3, 0, 2, 0x97}));
    broker.read();
    broker.hang_up();
    const auto done = sent.get();
    CHECK(done.confirmed == 1);
    INFO(done.problem);
    CHECK(done.problem.find(refuses ? "quota exceeded (0x97)" : "the broker's answer failed") != std::string::npos);
  }
}

TEST_CASE("a broker that says nothing is given up by a publisher after its timeout") {
  scripted_broker broker;
  auto o = options_for(broker);
  o.timeout = std::chrono::milliseconds(100);
  const auto made = publisher::open(o);
  REQUIRE_FALSE(made);
  CHECK(made.error().text().find("no answer within 100 ms while waiting for the broker's answer") != std::string::npos);
}

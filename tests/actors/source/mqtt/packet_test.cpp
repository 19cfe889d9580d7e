#include "actors/source/mqtt/packet.hpp"

#include <random>

#include "tests/actors/source/mqtt/mqtt_fixture.hpp"

using namespace weir;
using namespace weir::mqtt;
using namespace weir::mqtt_test;

namespace {

// Everything a broker sends to a subscriber, in one stream.
std::string conversation(version v) {
  std::string out = connack(v) + suback(v, {1, 0}) + publish(v, "a/b", "{}") + publish(v, "a/b", "", 7) +
                    publish(v, "\xc3\xa4/1", std::string(300, 'x'), 65535, 8) + bytes({0xd0, 0});
  if (v == version::v5) {
    out += framed(
        0x30,
        text("t") + properties(v, bytes({0x01, 1, 0x26}) + text("k") + text("v") + bytes({0x0b, 0x85, 1})) + "payload");
    out += framed(0x40, bytes({0, 9, 0x10})) + framed(0x40, bytes({0, 9}));
    out += framed(0xe0, bytes({0x8b}) + properties(v, bytes({0x1f}) + text("bye")));
  }
  return out;
}

std::string refusal(version v, const std::string& stream) {
  const auto raw = packets_of(stream);
  if (!raw) return raw.error().text();
  if (raw->empty()) return "incomplete";
  const auto packet = decode(v, raw->front());
  return packet ? std::string() : packet.error().text();
}

struct wrong {
  std::string stream;
  const char* says;
};

void check_refused(version v, const std::vector<wrong>& cases) {
  for (const auto& c : cases) {
    const auto text = refusal(v, c.stream);
    INFO(c.says << " <- " << text);
    CHECK(text.find(c.says) != std::string::npos);
  }
}

}  // namespace

TEST_CASE("a stream of packets reads the same in one piece, byte by byte and in pieces of any size") {
  for (const auto v : {version::v3_1_1, version::v5}) {
    const auto stream = conversation(v);
    const auto whole = packets_of(stream);
    REQUIRE(whole);
    CHECK(whole->size() == (v == version::v5 ? 10 : 6));
    for (std::size_t piece = 1; piece < 40; ++piece) {
      const auto split = packets_of(stream, piece);
      REQUIRE(split);
      REQUIRE(split->size() == whole->size());
      for (std::size_t i = 0; i < whole->size(); ++i) {
        CHECK((*split)[i].first == (*whole)[i].first);
        CHECK((*split)[i].body == (*whole)[i].body);
      }
    }
    for (const auto& raw : *whole) CHECK(decode(v, raw));
  }
}

TEST_CASE("what a broker sends is read with all that a client needs of it") {
  const auto v = version::v5;
  const auto refused = std::get<connack_packet>(
      *decode(v, one(connack(v, 0x87, false, bytes({0x1f}) + text("no") + bytes({0x13, 0, 60, 0x24, 0, 0x21, 0, 5})))));
  CHECK(refused.code == 0x87);
  CHECK(refused.reason == "no");
  CHECK(refused.keep_alive == 60);
  CHECK(refused.maximum_qos == 0);
  CHECK(refused.receive_maximum == 5);
  CHECK(std::get<connack_packet>(*decode(v, one(connack(v, 0, true)))).session_present);
  const auto message = std::get<publish_packet>(*decode(v, one(publish(v, "a/b", "{\"v\":1}", 258, 9))));
  CHECK(message.topic == "a/b");
  CHECK(message.payload == "{\"v\":1}");
  CHECK(message.id == 258);
  CHECK(message.qos == 1);
  CHECK(message.duplicate);
  CHECK(message.retained);
  CHECK(message.cut_from == 0);
  CHECK(std::get<suback_packet>(*decode(v, one(suback(v, {1, 0x87})))).codes == std::vector<std::uint8_t>{1, 0x87});
  CHECK(std::get<disconnect_packet>(*decode(v, one(bytes({0xe0, 1, 0x8e})))).code == 0x8e);
  CHECK(std::get<disconnect_packet>(*decode(v, one(bytes({0xe0, 0})))).code == 0);
  CHECK(std::get<acknowledgement>(*decode(v, one(bytes({0x40, 3, 1, 2, 0x10})))).id == 258);
}

TEST_CASE("a broker that does not know version 5 answers in its own way, and that is understood") {
  const auto answer = decode(version::v5, one(bytes({0x20, 2, 0, 1})));
  REQUIRE(answer);
  CHECK(std::get<connack_packet>(*answer).code == 1);
  CHECK_FALSE(decode(version::v5, one(bytes({0x20, 2, 0, 0}))));
}

TEST_CASE("every kind of malformed packet is refused with its name and what is wrong: both versions") {
  for (const auto v : {version::v3_1_1, version::v5}) {
    const auto p = properties(v);
    check_refused(v,
                  {
                      {bytes({0x00, 0}), "packet of type 0"},
                      {bytes({0x10, 0}), "CONNECT, which was not asked for"},
                      {bytes({0x82, 0}), "malformed SUBSCRIBE: flags 0x02"},
                      {bytes({0xb0, 0}), "UNSUBACK, which was not asked for"},
                      {bytes({0x50, 2, 0, 1}), "PUBREC, which was not asked for"},
                      {bytes({0xf0, 0}), "AUTH, which was not asked for"},
                      {bytes({0x21, 2, 0, 0}), "malformed CONNACK: flags 0x01"},
                      {bytes({0xd1, 0}), "malformed PINGRESP: flags"},
                      {bytes({0xd0, 1, 0}), "malformed PINGRESP: 1 bytes too many"},
                      {bytes({0x20, 0}), "malformed CONNACK: the flags needs 1 bytes, 0 are left"},
                      {bytes({0x20, 1, 0}), "malformed CONNACK: the reason code"},
                      {bytes({0x20, 2, 2, 0}), "malformed CONNACK: flags 0x02"},
                      {framed(0x36, text("t") + bytes({0, 1}) + p), "malformed PUBLISH: QoS 3"},
                      {framed(0x38, text("t") + p), "QoS 0 and yet a duplicate"},
                      {framed(0x30, bytes({0})), "malformed PUBLISH: the topic needs 2 bytes, 1 are left"},
                      {framed(0x30, bytes({0, 9}) + "short"), "the topic needs 9 bytes, 5 are left"},
                      {framed(0x30, bytes({0xff, 0xff}) + "short"), "the topic needs 65535 bytes"},
                      {framed(0x30, text("") + p), "an empty topic"},
                      {framed(0x30, text("a/+") + p), "a topic with a wildcard"},
                      {framed(0x30, text("#") + p), "a topic with a wildcard"},
                      {framed(0x30, text("\xff") + p), "the topic is no UTF-8"},
                      {framed(0x30, text("\xed\xa0\x80") + p), "the topic is no UTF-8"},
                      {framed(0x30, text(std::string("a\0b", 3)) + p), "the topic is no UTF-8"},
                      {framed(0x32, text("t") + bytes({0})), "the packet identifier needs 2 bytes"},
                      {framed(0x32, text("t") + bytes({0, 0}) + p), "packet identifier 0"},
                      {framed(0x40, bytes({0})), "malformed PUBACK: the packet identifier"},
                      {framed(0x90, bytes({0})), "malformed SUBACK: the packet identifier"},
                      {framed(0x90, bytes({0, 1}) + p), "malformed SUBACK: no reason code"},
                      {framed(0x90, bytes({0, 1}) + p + bytes({3})), "malformed SUBACK: reason code 0x03"},
                      {bytes({0x30, 0x80, 0x80, 0x80, 0x80, 1}), "a length of more than 4 bytes"},
                      {bytes({0x30, 0x80, 0}), "a length with more bytes than it needs"},
                      {bytes({0x90, 0xff, 0xff, 0xff, 0x7f}), "a SUBACK of 268435455 bytes; at most 262144 are read"},
                  });
  }
}

TEST_CASE("every kind of malformed packet is refused with its name and what is wrong: one version") {
  check_refused(version::v3_1_1, {
                                     {bytes({0x20, 3, 0, 0, 0}), "malformed CONNACK: 1 bytes too many"},
                                     {bytes({0xe0, 0}), "never sends it in MQTT 3.1.1"},
                                     {bytes({0x40, 3, 0, 1, 0}), "malformed PUBACK: 1 bytes too many"},
                                     {bytes({0x90, 3, 0, 1, 0x87}), "reason code 0x87"},
                                 });
  const auto v = version::v5;
  const auto in_publish = [&](const std::string& inside) {
    return framed(0x30, text("t") + properties(v, inside) + "x");
  };
  check_refused(v, {
                       {bytes({0x20, 2, 0, 0}), "the properties' length is cut short"},
                       {bytes({0x20, 3, 0, 0, 5}), "the properties needs 5 bytes, 0 are left"},
                       {bytes({0x20, 4, 0, 0, 0, 0}), "1 bytes too many"},
                       {connack(v, 0, false, bytes({0x7e})), "unknown property 0x7e"},
                       {connack(v, 0, false, bytes({0x01, 1})), "property 0x01 does not belong there"},
                       {connack(v, 0, false, bytes({0x13, 0})), "a property's value needs 2 bytes, 1 are left"},
                       {connack(v, 0, false, bytes({0x13, 0, 1, 0x13, 0, 1})), "property 0x13 stands twice"},
                       {connack(v, 0, false, bytes({0x24, 2})), "property 0x24 = 2 is neither 0 nor 1"},
                       {connack(v, 0, false, bytes({0x21, 0, 0})), "receive maximum 0"},
                       {connack(v, 0, false, bytes({0x27, 0, 0, 0, 0})), "maximum packet size 0"},
                       {connack(v, 0, false, bytes({0x1f, 0, 9}) + "abc"), "needs 9 bytes, 3 are left"},
                       {connack(v, 0, false, bytes({0x1f}) + text("\xc0")), "is no UTF-8"},
                       {connack(v, 0, false, bytes({0x26}) + text("key")), "needs 2 bytes, 0 are left"},
                       {connack(v, 0, false, bytes({0x80, 0x80, 0x80, 0x80})), "a length of more than 4 bytes"},
                       {in_publish(bytes({0x23, 0, 1})), "a topic alias, which was not offered"},
                       {in_publish(bytes({0x0b, 0})), "subscription identifier 0"},
                       {in_publish(bytes({0x1f}) + text("r")), "property 0x1f does not belong there"},
                       {framed(0x30, text("t") + bytes({9}) + "x"), "the properties needs 9 bytes, 1 are left"},
                       {framed(0x30, text("t")), "the properties' length is cut short"},
                       {framed(0x40, bytes({0, 1, 0, 3})), "the properties needs 3 bytes"},
                       {framed(0xe0, bytes({0, 0, 7})), "1 bytes too many"},
                       {framed(0x90, bytes({0, 1, 0, 0x7f})), "reason code 0x7f"},
                   });
}

TEST_CASE("a message over the limit is cut, counted, and the packets behind it are found") {
  const auto v = version::v5;
  const std::string big(1'000'000, 'b');
  const auto stream = publish(v, "t", big, 3) + publish(v, "t", "small", 4);
  for (const std::size_t piece : {0U, 1000U, 7U}) {
    const auto raw = packets_of(stream, piece, {.keep = 1000});
    REQUIRE(raw);
    REQUIRE(raw->size() == 2);
    CHECK(raw->front().body.size() == 1000);
    CHECK(raw->front().body.capacity() <= 200'000);
    const auto cut = std::get<publish_packet>(*decode(v, raw->front()));
    CHECK(cut.cut_from == big.size());
    CHECK(cut.id == 3);
    CHECK(cut.payload == big.substr(0, 1000 - 6));
    CHECK(std::get<publish_packet>(*decode(v, raw->back())).payload == "small");
  }
  const auto limited = packets_of(stream, 0, {.max_length = 1000});
  REQUIRE_FALSE(limited);
  CHECK(limited.error().code == errc::limit_exceeded);
  CHECK(limited.error().text().find("a PUBLISH of 1000006 bytes is over the limit of 1000") != std::string::npos);
}

TEST_CASE("properties longer than what is kept leave a message that is cut, not a broken connection") {
  const auto v = version::v5;
  std::string many;  // user properties
  while (many.size() < 5000) many += bytes({0x26}) + text("key") + text("value");
  const auto length = bytes({static_cast<int>(many.size() & 0x7f) | 0x80, static_cast<int>(many.size() >> 7)});
  const auto stream = framed(0x32, text("t") + bytes({0, 5}) + length + many + "payload");
  const auto raw = packets_of(stream, 0, {.keep = 1000});
  REQUIRE(raw);
  const auto cut = std::get<publish_packet>(*decode(v, raw->front()));
  CHECK(cut.id == 5);
  CHECK(cut.payload.empty());
  CHECK(cut.cut_from == 7);
  const auto lying = framed(0x32, text("t") + bytes({0, 5, 0xff, 0xff, 0xff, 0x7f}) + many);
  const auto lied = packets_of(lying, 0, {.keep = 1000});
  REQUIRE(lied);
  CHECK_FALSE(decode(v, lied->front()));
}

TEST_CASE("an announced length allocates nothing by itself") {
  packet_reader reader({});
  std::string_view stream = "\x30\xff\xff\xff\x7f";  // a PUBLISH of 256 MiB, of which nothing comes
  const auto packet = reader.next(stream);
  REQUIRE(packet);
  CHECK_FALSE(*packet);
}

TEST_CASE("what a client sends is what the standard says, byte for byte") {
  connect_packet c;
  c.speaks = version::v3_1_1;
  c.client_id = "me";
  c.keep_alive = 30;
  c.username = "u";
  c.password = "pw";
  CHECK(*encode(c) == framed(0x10, text("MQTT") + bytes({4, 0xc0, 0, 30}) + text("me") + text("u") + text("pw")));
  c.speaks = version::v5;
  c.clean = true;
  c.password.reset();
  c.session_expiry = 86'400;
  c.receive_maximum = 1000;
  CHECK(*encode(c) == framed(0x10, text("MQTT") + bytes({5, 0x82, 0, 30, 8, 0x11, 0, 1, 0x51, 0x80, 0x21, 3, 0xe8}) +
                                       text("me") + text("u")));
  c.max_packet = 4096;
  CHECK(encode(c)->find(bytes({0x27, 0, 0, 0x10, 0})) != std::string::npos);
  CHECK(*encode(version::v3_1_1, subscribe_packet{1, {"a/#", "b"}, 1}) ==
        framed(0x82, bytes({0, 1}) + text("a/#") + bytes({1}) + text("b") + bytes({1})));
  CHECK(*encode(version::v5, subscribe_packet{1, {"a"}, 0}) ==
        framed(0x82, bytes({0, 1, 0}) + text("a") + bytes({0x10})));
  std::string out;
  encode_puback(258, out);
  encode_pingreq(out);
  encode_disconnect(out);
  CHECK(out == bytes({0x40, 2, 1, 2, 0xc0, 0, 0xe0, 0}));
  const publish_packet message{"t", "payload", 9, 1, false, true};
  CHECK(*encode(version::v5, message) == framed(0x33, text("t") + bytes({0, 9, 0}) + "payload"));
  CHECK(*encode(version::v3_1_1, message) == framed(0x33, text("t") + bytes({0, 9}) + "payload"));
}

TEST_CASE("texts that the protocol cannot carry are refused, not cut") {
  connect_packet c;
  c.client_id = std::string(65'536, 'i');
  REQUIRE_FALSE(encode(c));
  CHECK(encode(c).error().text().find("the client id has 65536 bytes; MQTT takes at most 65535") != std::string::npos);
  CHECK_FALSE(encode(version::v5, subscribe_packet{1, {std::string(65'536, 't')}, 1}));
  CHECK_FALSE(encode(version::v5, publish_packet{std::string(65'536, 't'), "", 1, 1, false, false}));
}

TEST_CASE("bytes changed at random never crash the reader, and it never keeps more than it may") {
  std::mt19937 random(20240101);
  std::size_t refused = 0, read = 0;
  for (int round = 0; round < 30'000; ++round) {
    const auto v = round % 2 == 0 ? version::v5 : version::v3_1_1;
    auto stream = conversation(v);
    for (unsigned changes = 1 + random() % 4; changes > 0; --changes) {
      const auto at = random() % stream.size();
      switch (random() % 3) {
        case 0: stream[at] = static_cast<char>(random()); break;
        case 1: stream.erase(at, 1 + random() % 8); break;
        default: stream.insert(at, 1, static_cast<char>(random())); break;
      }
    }
    packet_reader reader({.keep = 64});
    for (std::string_view left = stream;;) {
      auto packet = reader.next(left);
      if (!packet) ++refused;
      if (!packet || !*packet) break;
      REQUIRE((*packet)->body.size() <= packet_reader::max_control);
      decode(v, **packet) ? ++read : ++refused;
    }
  }
  CHECK(read > 10'000);
  CHECK(refused > 10'000);
}

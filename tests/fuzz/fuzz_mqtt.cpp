// What an MQTT broker sends: bytes to packets, packets to what they say, and a session that takes them.
#include <algorithm>

#include "actors/source/mqtt/session.hpp"
#include "actors/source/mqtt/topic_filter.hpp"
#include "runtime/format/text_value.hpp"
#include "tests/fuzz/fuzz_target.hpp"

namespace weir::fuzz {

namespace {

using mqtt::version;

struct packets {
  std::vector<mqtt::raw_packet> read;
  std::string error;
};

packets read_packets(std::string_view bytes, std::size_t step, mqtt::reader_limits limits) {
  packets out;
  mqtt::packet_reader reader(limits);
  while (!bytes.empty()) {
    auto piece = bytes.substr(0, step);
    bytes.remove_prefix(piece.size());
    for (;;) {
      auto packet = reader.next(piece);
      if (!packet) {
        out.error = packet.error().text();
        return out;
      }
      if (!*packet) break;
      out.read.push_back(std::move(**packet));
    }
    require(piece.empty(), "a reader that wants more bytes left {}", piece.size());
  }
  return out;
}

void check_same(const packets& a, const packets& b) {
  require(a.error == b.error, "an error depends on the pieces: '{}' and '{}'", a.error, b.error);
  require(a.read.size() == b.read.size(), "{} packets in one piece, {} in several", a.read.size(), b.read.size());
  for (std::size_t i = 0; i < a.read.size(); ++i)
    require(
        a.read[i].first == b.read[i].first && a.read[i].body == b.read[i].body && a.read[i].length == b.read[i].length,
        "packet {} depends on the pieces", i);
}

// A message is written and read back the same.
void check_message(version speaks, const mqtt::publish_packet& message) {
  require(is_valid_utf8(message.topic) && message.topic.find_first_of("+#") == std::string::npos,
          "a message's topic is none: {}", message.topic);
  require((message.qos == 0) == (message.id == 0), "QoS {} with packet identifier {}", message.qos, message.id);
  const auto bytes = encode(speaks, message);
  require(bytes.has_value(), "a message that was read cannot be written");
  const auto again = read_packets(*bytes, bytes->size(), {});
  require(again.error.empty() && again.read.size() == 1, "a written message is no packet: {}", again.error);
  const auto packet = decode(speaks, again.read.front());
  const auto* back = packet ? std::get_if<mqtt::publish_packet>(&*packet) : nullptr;
  require(back != nullptr && back->topic == message.topic && back->payload == message.payload &&
              back->id == message.id && back->qos == message.qos && back->duplicate == message.duplicate &&
              back->retained == message.retained,
          "a message does not come back");
}

void check_packet(version speaks, const mqtt::raw_packet& raw, std::size_t keep) {
  require(raw.body.size() <= raw.length, "{} bytes of {} were kept", raw.body.size(), raw.length);
  const auto packet = decode(speaks, raw);
  if (!packet) {
    require(packet.error().code == errc::parse_error && is_valid_utf8(packet.error().text()),
            "a packet is refused with {}: {}", to_string(packet.error().code), packet.error().text());
    return;
  }
  const auto* message = std::get_if<mqtt::publish_packet>(&*packet);
  if (message == nullptr) return;
  require(message->payload.size() <= keep, "{} bytes of a message were kept", message->payload.size());
  require(message->cut_from == 0 || message->cut_from > message->payload.size(),
          "a message is cut to more than it had");
  check_message(speaks, *message);
}

// A session that is sent these packets, with time going on and every second message acknowledged: what it writes is
// packets, and it holds no more identifiers than it was given.
void converse(version speaks, const std::vector<mqtt::raw_packet>& sent, std::uint8_t qos) {
  mqtt::session_options options;
  options.connect.speaks = speaks;
  options.connect.client_id = "weir";
  options.connect.keep_alive = 10;
  options.filters = {"a/#"};
  options.qos = qos;
  mqtt::session session(options);
  auto now = mqtt::session::time_point{} + std::chrono::hours(1);
  require(session.start(now).has_value(), "a session cannot start");
  std::string written = session.take_output();
  std::vector<mqtt::publish_packet> messages;
  for (std::size_t i = 0; i < sent.size(); ++i) {
    const auto before = messages.size();
    if (const auto taken = session.receive(sent[i], now, messages); !taken) {
      require(is_valid_utf8(taken.error().text()), "an end is told in no text: {}", taken.error().text());
      break;
    }
    require(messages.size() <= before + 1, "one packet brought {} messages", messages.size() - before);
    require(messages.size() == before || session.subscribed() || session.connected(), "a message before its CONNACK");
    if (messages.size() > before && i % 2 == 0) session.acknowledge(messages.back().id, now);
    require(session.unacknowledged() <= messages.size(), "more acknowledgements are due than messages came");
    now += std::chrono::seconds(i % 4);
    if (!session.tick(now)) break;
    if (const auto next = session.next_tick()) require(*next + std::chrono::hours(1) > now, "a tick is overdue");
  }
  session.close();
  written += session.take_output();
  const auto output = read_packets(written, written.size(), {});
  require(output.error.empty() && !output.read.empty(), "a session writes what is no packets: {}", output.error);
}

void check_filters(std::string_view text) {
  const auto filters = mqtt::parse_filters(text);
  if (!filters) return require(is_valid_utf8(filters.error().text()), "a filter is refused in no text");
  std::string joined;
  for (const auto& f : *filters) {
    joined += (joined.empty() ? "" : ",") + f;
    require(!mqtt::without_group(f).empty(), "a shared subscription to nothing: {}", f);
  }
  require(mqtt::parse_filters(joined) == *filters, "filters do not come back: {}", joined);
}

}  // namespace

// Version, QoS, size of pieces and how much of a message is kept in the first line, then what a broker sends.
void run_mqtt(std::string_view bytes) {
  input in(bytes);
  input options(in.line());
  const auto speaks = options.choice(2) == 0 ? version::v3_1_1 : version::v5;
  const auto qos = static_cast<std::uint8_t>(options.choice(2));
  const std::size_t step = 1 + options.choice(64);
  const mqtt::reader_limits limits{.max_length = 3'000, .keep = options.empty() ? 4'096 : std::size_t{options.byte()}};
  const auto stream = in.rest();
  const auto whole = read_packets(stream, std::max<std::size_t>(stream.size(), 1), limits);
  check_same(whole, read_packets(stream, step, limits));
  for (const auto& raw : whole.read) check_packet(speaks, raw, limits.keep);
  converse(speaks, whole.read, qos);
  check_filters(stream);
}

}  // namespace weir::fuzz

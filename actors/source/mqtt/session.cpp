#include "actors/source/mqtt/session.hpp"

#include "actors/source/file_access.hpp"
#include "actors/source/mqtt/reason.hpp"

namespace weir::mqtt {
namespace {

tl::unexpected<error> broke_protocol(std::string_view what) {
  return fail(errc::parse_error, "the broker broke the protocol: {}", what);
}

}  // namespace

status session::start(time_point now) {
  WEIR_TRY(bytes, encode(options_.connect));
  output_ += bytes;
  keep_alive_ = std::chrono::seconds(options_.connect.keep_alive);
  phase_ = phase::connecting;
  sent(now);
  return {};
}

void session::await_answer(time_point now) {
  if (reading_) answer_due_ = now + options_.answer_timeout;
}

status session::receive(const raw_packet& raw, time_point now, std::vector<publish_packet>& messages) {
  auto packet = decode(options_.connect.speaks, raw);
  if (!packet) return fail(std::move(packet).error());
  // Who speaks is alive, however long its answer takes behind what it has to say: a slow broker that was given up would
  // send everything again.
  if (answer_due_) await_answer(now);
  if (auto* answer = std::get_if<connack_packet>(&*packet)) return on(std::move(*answer), now);
  if (phase_ == phase::connecting || phase_ == phase::idle)
    return broke_protocol(fmt::format("a {} before its CONNACK", to_string(raw.type())));
  if (auto* message = std::get_if<publish_packet>(&*packet)) return on(std::move(*message), messages);
  if (const auto* answer = std::get_if<suback_packet>(&*packet)) return on(*answer);
  if (const auto* end = std::get_if<disconnect_packet>(&*packet)) return fail(ended_by_broker(*end));
  if (std::holds_alternative<pingresp_packet>(*packet)) {
    if (!pinging_) return broke_protocol("a PINGRESP that was not asked for");
    pinging_ = false;
    if (phase_ == phase::running) answer_due_.reset();
    return {};
  }
  return broke_protocol(fmt::format("a {}, which was not asked for", to_string(raw.type())));
}

status session::on(connack_packet packet, time_point now) {
  if (phase_ != phase::connecting) return broke_protocol("a second CONNACK");
  if (packet.code != 0) return fail(refused_connection(options_.connect.speaks, packet));
  if (packet.session_present && options_.connect.clean)
    return broke_protocol("a session is present although a clean one was asked for");
  session_present_ = packet.session_present;
  if (packet.keep_alive) keep_alive_ = std::chrono::seconds(*packet.keep_alive);
  WEIR_TRY(bytes, encode(options_.connect.speaks, subscribe_packet{subscribe_id, options_.filters, options_.qos}));
  output_ += bytes;
  phase_ = phase::subscribing;
  sent(now);
  await_answer(now);
  return {};
}

status session::on(const suback_packet& packet) {
  if (phase_ != phase::subscribing || packet.id != subscribe_id)
    return broke_protocol("a SUBACK that was not asked for");
  if (packet.codes.size() != options_.filters.size())
    return broke_protocol(fmt::format("{} answers to {} topic filters", packet.codes.size(), options_.filters.size()));
  for (std::size_t i = 0; i < packet.codes.size(); ++i) {
    const auto code = packet.codes[i];
    if (code >= 0x80) return fail(refused_subscription(options_.filters[i], code, packet.reason));
    if (code > options_.qos) return broke_protocol(fmt::format("QoS {} where {} was asked for", code, options_.qos));
    if (code < options_.qos)
      return with_hint(fail(errc::unsupported, "the broker grants QoS {} for '{}', not {}", code,
                            escape_name(options_.filters[i]), options_.qos),
                       "give qos=0 to take messages at most once");
  }
  phase_ = phase::running;
  if (!pinging_) answer_due_.reset();
  return {};
}

status session::on(publish_packet packet, std::vector<publish_packet>& messages) {
  if (packet.qos > options_.qos)
    return broke_protocol(
        fmt::format("a message with QoS {}, above the {} of the subscription", packet.qos, options_.qos));
  // More of them on the way than our receive maximum are borne: mosquitto 2.0 sends so many more for each
  // acknowledgement, and would do so on every connection. What is not taken yet is bounded by what is read.
  if (packet.qos > 0) {
    if (!unacknowledged_.insert(packet.id).second) {
      // Old brokers send again on the same connection; the message is on its way already.
      if (packet.duplicate && options_.connect.speaks == version::v3_1_1) return {};
      return broke_protocol(fmt::format("packet identifier {} is in use", packet.id));
    }
  }
  messages.push_back(std::move(packet));
  return {};
}

void session::acknowledge(std::uint16_t id, time_point now) {
  if (!connected() || unacknowledged_.erase(id) == 0) return;
  encode_puback(id, output_);
  sent(now);
}

status session::tick(time_point now) {
  if (answer_due_ && now >= *answer_due_) {
    return fail(errc::timeout, "the broker has not answered a {} within {} ms", pinging_ ? "PINGREQ" : "SUBSCRIBE",
                options_.answer_timeout.count());
  }
  if (!connected() || keep_alive_.count() == 0 || now < last_sent_ + keep_alive_) return {};
  encode_pingreq(output_);
  sent(now);
  if (!pinging_) await_answer(now);
  pinging_ = true;
  return {};
}

std::optional<session::time_point> session::next_tick() const {
  if (!connected()) return std::nullopt;
  auto next = answer_due_;
  if (keep_alive_.count() > 0) next = std::min(next.value_or(time_point::max()), last_sent_ + keep_alive_);
  return next;
}

void session::set_reading(bool reading, time_point now) {
  reading_ = reading;
  if (!reading) {
    answer_due_.reset();
  } else if (pinging_ || phase_ == phase::subscribing) {
    await_answer(now);
  }
}

void session::close() {
  if (connected()) encode_disconnect(output_);
  phase_ = phase::ended;
}

}  // namespace weir::mqtt

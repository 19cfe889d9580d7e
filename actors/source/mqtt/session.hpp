// One connection's side of the protocol, without sockets and without a clock: packets and times go in, bytes to write
// and messages come out (PROTOCOL 26). The session at the broker outlives it: client id and session expiry see to that.
//
//   start() ─CONNECT─> connecting ─CONNACK─> subscribing ─SUBACK─> running ─close()/error─> ended
//
// Messages may come from the CONNACK on: the broker first sends what it kept. A QoS 1 message is acknowledged when
// acknowledge() is called with its identifier, never by itself.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "actors/source/mqtt/packet.hpp"
#include "runtime/result.hpp"

namespace weir::mqtt {

struct session_options {
  connect_packet connect;
  std::vector<std::string> filters;
  std::uint8_t qos = 1;
  std::chrono::milliseconds answer_timeout{10'000};  // for SUBACK and PINGRESP
};

class session {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  explicit session(session_options options) : options_(std::move(options)) {}

  status start(time_point now);
  // An error ends the session; its text says what the broker did, in words.
  status receive(const raw_packet& packet, time_point now, std::vector<publish_packet>& messages);
  void acknowledge(std::uint16_t id, time_point now);
  // Keeps the connection alive; an error when the broker does not answer.
  status tick(time_point now);
  std::optional<time_point> next_tick() const;
  // While nothing is read, an answer cannot be seen, and none is missed.
  void set_reading(bool reading, time_point now);
  void close();

  // Bytes to send; empty: none.
  std::string take_output() { return std::exchange(output_, {}); }
  bool connected() const { return phase_ == phase::subscribing || phase_ == phase::running; }
  bool subscribed() const { return phase_ == phase::running; }
  // The broker had kept this client's session.
  bool session_present() const { return session_present_; }
  std::size_t unacknowledged() const { return unacknowledged_.size(); }

 private:
  enum class phase : std::uint8_t { idle, connecting, subscribing, running, ended };
  static constexpr std::uint16_t subscribe_id = 1;

  status on(connack_packet packet, time_point now);
  status on(const suback_packet& packet);
  status on(publish_packet packet, std::vector<publish_packet>& messages);
  void await_answer(time_point now);
  void sent(time_point now) { last_sent_ = now; }

  session_options options_;
  phase phase_ = phase::idle;
  bool session_present_ = false;
  std::string output_;
  std::unordered_set<std::uint16_t> unacknowledged_;
  std::chrono::seconds keep_alive_{0};
  time_point last_sent_{};
  std::optional<time_point> answer_due_;  // of a SUBSCRIBE or PINGREQ
  bool pinging_ = false;
  bool reading_ = true;
};

}  // namespace weir::mqtt

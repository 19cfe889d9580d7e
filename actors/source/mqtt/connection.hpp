// A connection to a broker: one per connector, from connect to close, on the io thread. It reads until its buffer is
// full, and goes on when the connector has taken enough (back-pressure reaches the broker through TCP).
//
//   resolve -> TCP -> TLS -> CONNECT/CONNACK -> SUBSCRIBE/SUBACK -> messages ... -> error or close
#pragma once

#include <array>
#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

#include "actors/source/mqtt/session.hpp"
#include "actors/source/mqtt/socket.hpp"

namespace weir::mqtt {

struct connection_options {
  std::string url;  // for messages
  std::string host;
  std::uint16_t port = 0;
  std::optional<tls_options> tls;
  std::chrono::milliseconds connect_timeout{10'000};
  std::size_t buffer_messages = 1'000;  // that wait to be taken; then the socket is not read
  std::size_t buffer_bytes = std::size_t{4} << 20;
  reader_limits packets;
  session_options session;
};

class connection : public std::enable_shared_from_this<connection> {
 public:
  // wake: called from the io thread when take() has something new to say. `on` outlives the connection's handlers.
  connection(boost::asio::io_context& on, connection_options options, std::function<void()> wake);

  // --- any thread ---
  void start();
  bool subscribed() const { return subscribed_; }
  bool session_present() const { return session_present_; }
  // Messages in their order; none: nothing for now. The error that ended the connection comes behind the last message.
  result<std::vector<publish_packet>> take(std::size_t max_messages, std::size_t max_bytes);
  void acknowledge(std::vector<std::uint16_t> ids);
  // Says goodbye and ends; what was not acknowledged comes again with the next connection.
  void close();

 private:
  using error_code = boost::system::error_code;
  using clock = std::chrono::steady_clock;

  void resolve();
  void connect(const socket::endpoints& to);
  void begin_session();
  void read();
  void handle(std::string_view bytes);
  bool deliver(std::vector<publish_packet> messages);
  void resume();
  void flush();
  void arm_tick();
  void stage(std::string_view what) { stage_ = what; }
  void finish(error why);
  void end();
  void broken(const error_code& code);

  boost::asio::io_context& io_;
  const connection_options options_;
  boost::asio::ip::tcp::resolver resolver_;
  boost::asio::steady_timer deadline_, tick_;
  std::unique_ptr<socket> socket_;
  packet_reader packets_;
  session session_;
  std::string_view stage_;
  std::optional<clock::time_point> armed_;
  std::array<char, 16U << 10> input_{};
  std::string writing_;
  bool is_writing_ = false, is_reading_ = false, paused_ = false, closing_ = false, ended_ = false;
  std::atomic<bool> subscribed_{false}, session_present_{false};

  std::mutex mutex_;  // of what follows
  std::function<void()> wake_;
  std::deque<publish_packet> inbox_;
  std::size_t inbox_bytes_ = 0;
  bool full_ = false;  // resume() is wanted when there is room again
  std::optional<error> failure_;
};

}  // namespace weir::mqtt

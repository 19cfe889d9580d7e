#include "actors/source/mqtt/publisher.hpp"

#include <array>
#include <boost/asio/io_context.hpp>
#include <deque>

#include "actors/source/mqtt/reason.hpp"

namespace weir::mqtt {

namespace asio = boost::asio;

struct publisher::inside {
  explicit inside(publisher_options o) : options(std::move(o)) {}

  // Runs one operation of the socket to its end; `what` for messages.
  status wait(std::string_view what, const std::function<void(std::function<void(const socket::error_code&)>)>& start);
  status connect();
  status begin_session();
  status write(const std::string& bytes);
  result<raw_packet> read();
  status take_acknowledgement();

  publisher_options options;
  asio::io_context io;
  asio::ip::tcp::resolver resolver{io};
  std::unique_ptr<socket> to;
  packet_reader packets{{.max_length = packet_reader::max_control}};
  std::array<char, 4096> input{};
  std::string_view unread;
  std::uint16_t window = 1, last_id = 0;
  std::deque<std::uint16_t> on_the_way;  // identifiers, in the order in which they are confirmed
};

status publisher::inside::wait(std::string_view what,
                               const std::function<void(std::function<void(const socket::error_code&)>)>& start) {
  std::optional<socket::error_code> done;
  start([&done](const socket::error_code& code) { done = code; });
  io.restart();
  const auto end = std::chrono::steady_clock::now() + options.timeout;
  while (!done && std::chrono::steady_clock::now() < end) io.run_one_until(end);
  if (!done) {
    resolver.cancel();
    to->close();
    io.restart();
    io.run();  // the handlers refer to `done`
    return fail(errc::timeout, "{}: no answer within {} ms while waiting for {}", options.broker.text(),
                options.timeout.count(), what);
  }
  if (!*done) return {};
  return fail(errc::unavailable, "{}: {} failed: {}", options.broker.text(), what, done->message());
}

status publisher::inside::connect() {
  WEIR_TRY(made, socket::make(io, options.broker.host, options.tls));
  to = std::move(made);
  socket::endpoints found;
  WEIR_TRY_VOID(wait("the host's address", [&](auto then) {
    resolver.async_resolve(options.broker.host, std::to_string(options.broker.port),
                           [&found, then](const socket::error_code& code, const socket::endpoints& at) {
                             found = at;
                             then(code);
                           });
  }));
  WEIR_TRY_VOID(wait("the TCP connection", [&](auto then) { to->connect(found, then); }));
  if (!to->secure()) return {};
  socket::error_code failed;
  auto shaken = wait("the TLS handshake", [&](auto then) {
    to->handshake([&failed, then](const socket::error_code& code) {
      failed = code;
      then(code);
    });
  });
  if (!shaken && failed) return fail(to->handshake_error(failed));
  return shaken;
}

status publisher::inside::begin_session() {
  WEIR_TRY(hello, encode(options.connect));
  WEIR_TRY_VOID(write(hello));
  WEIR_TRY(raw, read());
  WEIR_TRY(packet, decode(options.connect.speaks, raw));
  const auto* answer = std::get_if<connack_packet>(&packet);
  if (answer == nullptr) return fail(errc::parse_error, "the broker answered with a {}", to_string(raw.type()));
  if (answer->code != 0) return fail(refused_connection(options.connect.speaks, *answer));
  if (answer->maximum_qos < 1) return fail(errc::unsupported, "the broker takes QoS 0 only");
  window = std::min(options.window, answer->receive_maximum);
  return {};
}

status publisher::inside::write(const std::string& bytes) {
  return wait("the broker to read", [&](auto then) {
    to->write(asio::buffer(bytes), [then](const socket::error_code& code, std::size_t) { then(code); });
  });
}

result<raw_packet> publisher::inside::read() {
  for (;;) {
    WEIR_TRY(packet, packets.next(unread));
    if (packet) return std::move(*packet);
    std::size_t got = 0;
    WEIR_TRY_VOID(wait("the broker's answer", [&](auto then) {
      to->read_some(asio::buffer(input), [&got, then](const socket::error_code& code, std::size_t size) {
        got = size;
        then(code);
      });
    }));
    unread = {input.data(), got};
  }
}

status publisher::inside::take_acknowledgement() {
  WEIR_TRY(raw, read());
  WEIR_TRY(packet, decode(options.connect.speaks, raw));
  if (const auto* end = std::get_if<disconnect_packet>(&packet)) return fail(ended_by_broker(*end));
  const auto* answer = std::get_if<acknowledgement>(&packet);
  if (answer == nullptr || on_the_way.empty() || answer->id != on_the_way.front())
    return fail(errc::parse_error, "the broker sent a {} that was not expected", to_string(raw.type()));
  if (answer->code >= 0x80) return fail(errc::rejected, "the broker refused a message: {}", words_of(answer->code));
  on_the_way.pop_front();
  return {};
}

publisher::publisher(std::unique_ptr<inside> made) : inside_(std::move(made)) {}

publisher::~publisher() {
  if (inside_) inside_->to->close();
}

result<std::unique_ptr<publisher>> publisher::open(publisher_options options) {
  auto made = std::make_unique<inside>(std::move(options));
  WEIR_TRY_VOID(made->connect());
  WEIR_TRY_VOID(made->begin_session());
  return std::unique_ptr<publisher>(new publisher(std::move(made)));
}

status publisher::send(const std::string& topic, const std::vector<std::string_view>& payloads,
                       std::size_t& confirmed) {
  auto& in = *inside_;
  in.on_the_way.clear();
  std::size_t next = confirmed;
  while (confirmed < payloads.size()) {
    std::string output;
    while (next < payloads.size() && in.on_the_way.size() < in.window) {
      in.last_id = static_cast<std::uint16_t>(in.last_id == 65'535 ? 1 : in.last_id + 1);
      publish_packet message;
      message.topic = topic;
      message.payload = payloads[next++];
      message.id = in.last_id;
      message.qos = 1;
      WEIR_TRY(bytes, encode(in.options.connect.speaks, message));
      output += bytes;
      in.on_the_way.push_back(in.last_id);
    }
    if (!output.empty()) WEIR_TRY_VOID(in.write(output));
    WEIR_TRY_VOID(in.take_acknowledgement());
    ++confirmed;
  }
  return {};
}

}  // namespace weir::mqtt

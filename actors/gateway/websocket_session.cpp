// One WebSocket. permessage-deflate stays off: it costs ten times the memory per client, and its decoder was a source
// of defects.
#include <boost/beast/websocket.hpp>

#include "actors/gateway/connection.hpp"
#include "actors/gateway/live_channel.hpp"

namespace weir {
namespace {

namespace websocket = beast::websocket;

class websocket_session : public connection, public std::enable_shared_from_this<websocket_session> {
 public:
  websocket_session(tcp::socket socket, connection_seed seed)
      : stream_(std::move(socket)),
        seed_(std::move(seed)),
        buffer_(seed_.state->options.max_message_bytes),
        write_timer_(stream_.get_executor()) {}

  ~websocket_session() override { seed_.state->connections.remove(this); }

  void start(http::request<http::string_body> upgrade) {
    seed_.state->connections.add(this, weak_from_this());
    const auto& options = seed_.state->options;
    channel_.emplace(*seed_.state->context, wake_on_strand(weak_from_this(), seed_.io, stream_.get_executor(),
                                                           &websocket_session::write_next));
    stream_.set_option(websocket::stream_base::timeout{options.header_timeout, options.idle_timeout, true});
    stream_.set_option(websocket::stream_base::decorator(
        [](websocket::response_type& answer) { answer.set(http::field::server, "weir"); }));
    stream_.read_message_max(options.max_message_bytes);
    stream_.text(true);
    stream_.auto_fragment(false);  // a message is one frame and one write
    upgrade_ = std::move(upgrade);
    stream_.async_accept(upgrade_, [self = shared_from_this()](beast::error_code code) {
      if (code || !self->channel_) return self->close();  // without a channel: closed while this was on its way
      self->open_ = true;
      self->read_next();
    });
  }

  void go_away() override {
    asio::post(stream_.get_executor(), [self = shared_from_this()] {
      self->open_ ? self->say_goodbye(websocket::close_code::going_away) : self->close();
    });
  }

  void close_now() override {
    asio::post(stream_.get_executor(), [self = shared_from_this()] { self->close(); });
  }

 private:
  void close() {
    open_ = false;
    beast::get_lowest_layer(stream_).close();
    write_timer_.cancel();
    channel_.reset();
  }

  void say_goodbye(websocket::close_code why) {
    if (!open_) return;
    open_ = false;
    stream_.async_close(why, [self = shared_from_this()](beast::error_code) { self->close(); });
  }

  void read_next() {
    if (reading_ || !open_ || channel_->congested()) return;
    reading_ = true;
    stream_.async_read(buffer_, [self = shared_from_this()](beast::error_code code, std::size_t) {
      self->reading_ = false;
      self->on_message(code);
    });
  }

  void on_message(beast::error_code code) {
    if (code) return close();
    if (!open_) return;
    if (!stream_.got_text()) return say_goodbye(websocket::close_code::unknown_data);
    const auto bytes = buffer_.cdata();
    channel_->receive({static_cast<const char*>(bytes.data()), bytes.size()});
    buffer_.consume(buffer_.size());
    write_next();
    read_next();
  }

  void write_next() {
    if (writing_ || !open_) return;
    auto message = channel_->next_message();
    if (!message) return;
    writing_ = true;
    message_ = std::move(*message);
    write_deadline_ = std::chrono::steady_clock::now() + seed_.state->options.write_timeout;
    watch_write();
    const std::string_view members = message_.batch ? std::string_view(message_.batch->members) : std::string_view();
    const std::array<asio::const_buffer, 3> parts{asio::buffer(message_.head), asio::buffer(members),
                                                  asio::buffer(message_.tail)};
    stream_.async_write(parts, [self = shared_from_this()](beast::error_code code, std::size_t) {
      self->writing_ = false;
      self->message_ = {};
      if (code) return self->close();
      self->write_next();
      self->read_next();
    });
  }

  // Messages are many and timers are not free: one that runs is not set anew for each, it looks at the deadline.
  void watch_write() {
    if (watching_) return;
    watching_ = true;
    write_timer_.expires_at(write_deadline_);
    write_timer_.async_wait([self = shared_from_this()](beast::error_code code) {
      self->watching_ = false;
      if (code || !self->writing_) return;
      if (std::chrono::steady_clock::now() < self->write_deadline_) return self->watch_write();
      ++self->seed_.state->metrics.clients_cut_off;
      self->close();
    });
  }

  websocket::stream<beast::tcp_stream, false> stream_;
  connection_seed seed_;
  beast::flat_buffer buffer_;
  asio::steady_timer write_timer_;
  std::chrono::steady_clock::time_point write_deadline_;
  http::request<http::string_body> upgrade_;
  std::optional<live_channel> channel_;
  live_message message_;  // that is written
  bool open_ = false, reading_ = false, writing_ = false, watching_ = false;
};

}  // namespace

void start_websocket_session(tcp::socket socket, connection_seed seed, http::request<http::string_body> upgrade) {
  std::make_shared<websocket_session>(std::move(socket), std::move(seed))->start(std::move(upgrade));
}

}  // namespace weir

// One connection that carries server-sent events, until either side ends it.
#include <boost/asio/write.hpp>

#include "actors/gateway/connection.hpp"
#include "actors/gateway/event_stream.hpp"
#include "actors/gateway/problem.hpp"

namespace weir {
namespace {

std::string response_text(const http_response& answer) {
  http::response<http::string_body> out(static_cast<http::status>(answer.status), 11);
  out.set(http::field::server, "weir");
  out.set(http::field::content_type, answer.content_type);
  for (const auto& [name, value] : answer.headers) out.insert(name, value);
  out.keep_alive(false);
  if (!answer.body.empty()) out.content_length(answer.body.size());
  std::ostringstream text;
  text << out.base();
  return text.str() + answer.body;
}

class event_session : public connection, public std::enable_shared_from_this<event_session> {
 public:
  event_session(tcp::socket socket, connection_seed seed)
      : socket_(std::move(socket)),
        seed_(std::move(seed)),
        write_timer_(socket_.get_executor()),
        heartbeat_timer_(socket_.get_executor()) {}

  ~event_session() override { seed_.state->connections.remove(this); }

  void start(const admission& admitted, const http_request& request) {
    seed_.state->connections.add(this, weak_from_this());
    std::string from = request.last_event_id;
    for (const auto& [name, value] : admitted.query) {
      if (name == "from" && from.empty()) from = value;
    }
    auto opened = subscription::open(
        *seed_.state->context, admitted.path[0], from,
        wake_on_strand(weak_from_this(), seed_.io, socket_.get_executor(), &event_session::write_next));
    http_response answer{.content_type = "text/event-stream"};
    if (!opened) answer = problem(opened.error());
    seed_.state->handler->complete(answer, request, admitted.where);
    std::string text = response_text(answer);
    if (opened) {
      events_.emplace(std::move(*opened));
      text += events_->opening();
    }
    watch_client();
    beat();
    write(std::move(text));
  }

  void go_away() override { close_now(); }  // the client reconnects elsewhere, or later, with its last id

  void close_now() override {
    asio::post(socket_.get_executor(), [self = shared_from_this()] { self->close(); });
  }

 private:
  void close() {
    beast::error_code ignored;
    socket_.close(ignored);
    write_timer_.cancel();
    heartbeat_timer_.cancel();
    events_.reset();
  }

  // Clients of an event stream say nothing more; a read tells when they are gone.
  void watch_client() {
    socket_.async_read_some(asio::buffer(ignored_bytes_),
                            [self = shared_from_this()](beast::error_code code, std::size_t) {
                              code ? self->close() : self->watch_client();
                            });
  }

  void beat() {
    heartbeat_timer_.expires_after(seed_.state->options.heartbeat);
    heartbeat_timer_.async_wait([self = shared_from_this()](beast::error_code code) {
      if (code) return;
      if (!self->writing_) self->write(event_stream::heartbeat());
      self->beat();
    });
  }

  void write_next() {
    if (writing_ || !socket_.is_open()) return;
    if (!events_ || events_->ended()) return finish();
    if (auto event = events_->next_event()) write(std::move(*event));
  }

  void write(std::string text) {
    writing_ = true;
    text_ = std::move(text);
    write_timer_.expires_after(seed_.state->options.write_timeout);
    write_timer_.async_wait([self = shared_from_this()](beast::error_code code) {
      if (code || !self->writing_) return;
      ++self->seed_.state->metrics.clients_cut_off;
      self->close();
    });
    asio::async_write(socket_, asio::buffer(text_), [self = shared_from_this()](beast::error_code code, std::size_t) {
      self->writing_ = false;
      self->write_timer_.cancel();
      code ? self->close() : self->write_next();
    });
  }

  // All is said. The client's own end closes the socket, or the write timer does.
  void finish() {
    beast::error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
    heartbeat_timer_.expires_after(seed_.state->options.write_timeout);
    heartbeat_timer_.async_wait([self = shared_from_this()](beast::error_code code) {
      if (!code) self->close();
    });
  }

  tcp::socket socket_;
  connection_seed seed_;
  asio::steady_timer write_timer_, heartbeat_timer_;
  std::optional<event_stream> events_;
  std::array<char, 512> ignored_bytes_{};
  std::string text_;
  bool writing_ = false;
};

}  // namespace

void start_event_session(tcp::socket socket, connection_seed seed, admission admitted, http_request request) {
  std::make_shared<event_session>(std::move(socket), std::move(seed))->start(admitted, request);
}

}  // namespace weir

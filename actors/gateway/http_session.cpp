// One HTTP/1.1 connection: reads a request, answers it, reads the next (pipelined ones wait in the buffer).
#include <boost/beast/websocket/rfc6455.hpp>

#include "actors/gateway/connection.hpp"
#include "actors/gateway/problem.hpp"

namespace weir {
namespace {

constexpr auto linger_time = std::chrono::seconds(2);
constexpr std::size_t max_lingering_bytes = 1 << 20;
constexpr std::size_t body_piece = 64 << 10;
constexpr std::size_t answer_piece = 64 << 10;

http_request request_of(const http::request<http::string_body>& in) {
  const auto text = [&](http::field name) { return std::string(in[name]); };
  http_request out;
  out.head = in.method() == http::verb::head;
  out.method = out.head ? "GET" : std::string(in.method_string());
  const std::string_view target(in.target().data(), in.target().size());
  const auto question = std::min(target.find('?'), target.size());
  out.path = target.substr(0, question);
  out.query = target.substr(std::min(question + 1, target.size()));
  out.upgrade = beast::websocket::is_upgrade(in);
  out.host = text(http::field::host);
  out.origin = text(http::field::origin);
  out.sec_fetch_site = std::string(in["Sec-Fetch-Site"]);
  out.authorization = text(http::field::authorization);
  out.cookie = text(http::field::cookie);
  out.accept = text(http::field::accept);
  out.content_type = text(http::field::content_type);
  out.last_event_id = std::string(in["Last-Event-ID"]);
  out.content_encoding = text(http::field::content_encoding);
  out.idempotency_key = std::string(in["Idempotency-Key"]);
  return out;
}

// RFC 6455 4.2.1: 16 bytes in base64. Beast takes any text.
bool is_websocket_key(std::string_view key) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  return key.size() == 24 && key.ends_with("==") && key.substr(0, 22).find_first_not_of(digits) == key.npos;
}

http_response upgrade_required() {
  http_response out = problem(426, {errc::invalid_argument, "this is a WebSocket", "connect with ws://"});
  out.headers.emplace_back("Upgrade", "websocket");
  return out;
}

class http_session : public connection, public std::enable_shared_from_this<http_session> {
 public:
  http_session(tcp::socket socket, connection_seed seed, bool over_limit)
      : stream_(std::move(socket)),
        seed_(std::move(seed)),
        options_(seed_.state->options),
        buffer_(options_.max_header_bytes + body_piece),
        command_timer_(stream_.get_executor()),
        over_limit_(over_limit) {}

  ~http_session() override { seed_.state->connections.remove(this); }

  void start() {
    seed_.state->connections.add(this, weak_from_this());
    asio::post(stream_.get_executor(), [self = shared_from_this()] { self->await_request(); });
  }

  void go_away() override {
    asio::post(stream_.get_executor(), [self = shared_from_this()] {
      if (self->idle_) self->close();
    });
  }

  void close_now() override {
    asio::post(stream_.get_executor(), [self = shared_from_this()] { self->close(); });
  }

 private:
  // Runs `method` with the operation's result while the session lives on.
  template <class... Args>
  auto then(void (http_session::*method)(Args...)) {
    return [self = shared_from_this(), method](beast::error_code code, std::size_t bytes) {
      ((*self).*method)(code, bytes);
    };
  }

  void close() {
    beast::error_code ignored;
    stream_.socket().close(ignored);
    command_timer_.cancel();
  }

  void await_request() {
    if (seed_.state->stopping) return close();
    if (buffer_.size() > 0) return read_header();
    idle_ = true;
    stream_.expires_after(options_.idle_timeout);
    stream_.async_read_some(buffer_.prepare(4096), then(&http_session::on_first_bytes));
  }

  void on_first_bytes(beast::error_code code, std::size_t bytes) {
    idle_ = false;
    buffer_.commit(bytes);
    if (code) return close();
    read_header();
  }

  void read_header() {
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(options_.max_header_bytes));
    parser_->body_limit(options_.max_request_bytes);
    request_ = {};
    admitted_ = {};
    close_after_ = false;
    stream_.expires_after(options_.header_timeout);
    http::async_read_header(stream_, buffer_, *parser_, then(&http_session::on_header));
  }

  void on_header(beast::error_code code, std::size_t) {
    if (code) return refuse_bytes(code);
    request_ = request_of(parser_->get());
    close_after_ = !parser_->is_done();  // with a body unread, the next request cannot be found
    if (over_limit_) {
      return write(problem(503, {errc::limit_exceeded, "the node has as many connections as it allows",
                                 "try again later, or raise max_connections in config.toml"}));
    }
    admitted_ = seed_.state->handler->admit(request_, access_control::clock::now());
    if (admitted_.answer) return write(std::move(*admitted_.answer));
    if (admitted_.where->over == transport::websocket) return become_websocket();
    if (admitted_.where->over == transport::event_stream) return become_event_stream();
    if (parser_->is_done()) return answer_request();
    const bool waits = beast::iequals(parser_->get()[http::field::expect], "100-continue");
    waits ? write_continue() : read_body();
  }

  // The request cannot be understood, so neither can what follows it.
  void refuse_bytes(beast::error_code code) {
    if (code == beast::error::timeout) ++seed_.state->metrics.timeouts;
    if (code.category() != make_error_code(http::error::bad_method).category()) return close();
    if (code == http::error::end_of_stream || code == http::error::partial_message) return close();
    close_after_ = true;
    if (code == http::error::header_limit) {
      return write(
          problem(431, {errc::limit_exceeded,
                        fmt::format("the request's header has more than {} bytes", options_.max_header_bytes), ""}));
    }
    if (code == http::error::body_limit) {
      return write(problem(
          413,
          {errc::limit_exceeded, fmt::format("the request's body has more than {} bytes", options_.max_request_bytes),
           "send it in parts, or raise max_request_bytes in the [gateway] section of config.toml"}));
    }
    write(problem({errc::parse_error, "this is no HTTP/1.1 request: " + code.message(), ""}));
  }

  void write_continue() {
    continue_.emplace(http::status::continue_, 11);
    stream_.expires_after(options_.write_timeout);
    http::async_write(stream_, *continue_, then(&http_session::on_continue));
  }

  void on_continue(beast::error_code code, std::size_t) { code ? close() : read_body(); }

  void read_body() {
    stream_.expires_after(options_.body_timeout);
    http::async_read(stream_, buffer_, *parser_, then(&http_session::on_body));
  }

  void on_body(beast::error_code code, std::size_t) {
    if (code) return refuse_bytes(code);
    close_after_ = false;
    answer_request();
  }

  void answer_request() {
    request_.body = std::move(parser_->get().body());
    stream_.expires_never();
    const std::uint64_t turn = ++turn_;
    command_timer_.expires_after(options_.command_timeout);
    command_timer_.async_wait([self = shared_from_this(), turn](beast::error_code code) {
      if (code) return;
      const auto& hint = self->admitted_.where->late_hint;
      const error late{errc::timeout, "the node has not answered in time",
                       hint.empty() ? "it may still do what was asked; look before asking again" : hint};
      self->on_answer(turn, problem(late));
    });
    // The node may answer late, from any thread, or never: it holds no session.
    auto done = [weak = weak_from_this(), io = seed_.io, strand = stream_.get_executor(), turn](http_response answer) {
      asio::post(strand, [weak, turn, answer = std::move(answer)]() mutable {
        if (auto self = weak.lock()) self->on_answer(turn, std::move(answer));
      });
    };
    seed_.state->handler->handle(admitted_, request_, done);
  }

  void on_answer(std::uint64_t turn, http_response answer) {
    if (turn != turn_) return;
    ++turn_;
    command_timer_.cancel();
    write(std::move(answer));
  }

  void become_websocket() {
    if (!request_.upgrade || request_.head) return write(upgrade_required());
    const auto key = parser_->get()[http::field::sec_websocket_key];
    if (!is_websocket_key({key.data(), key.size()})) {
      return write(problem({errc::invalid_argument, "the header Sec-WebSocket-Key is not 16 bytes in base64",
                            "send 16 random bytes in base64 with each handshake"}));
    }
    if (buffer_.size() > 0) {
      return write(
          problem({errc::invalid_argument, "frames came before the WebSocket was open", "wait for the answer 101"}));
    }
    seed_.state->metrics.count_request(admitted_.where, 101);
    start_websocket_session(release_socket(), seed_, parser_->release());
  }

  void become_event_stream() {
    if (request_.head) return write({.content_type = "text/event-stream"});
    start_event_session(release_socket(), seed_, std::move(admitted_), std::move(request_));
  }

  tcp::socket release_socket() {
    stream_.expires_never();
    return stream_.release_socket();
  }

  void write(http_response answer) {
    seed_.state->handler->complete(answer, request_, admitted_.where);
    if (answer.status == 408 || seed_.state->stopping) close_after_ = true;
    response_.emplace(static_cast<http::status>(answer.status), parser_->get().version());
    response_->set(http::field::server, "weir");
    if (!answer.content_type.empty()) response_->set(http::field::content_type, answer.content_type);
    for (const auto& [name, value] : answer.headers) response_->insert(name, value);
    response_->keep_alive(!close_after_ && parser_->get().keep_alive());
    if (answer.status != 204) response_->content_length(answer.body.size());
    if (!request_.head) response_->body() = std::move(answer.body);
    serializer_.emplace(*response_);
    stream_.expires_after(options_.write_timeout);
    written_ = 0;
    write_some();
  }

  // A slow client has write_timeout for each piece of the answer; a byte now and then earns no more time.
  void write_some() { http::async_write_some(stream_, *serializer_, then(&http_session::on_written)); }

  void on_written(beast::error_code code, std::size_t bytes) {
    if (code == beast::error::timeout) ++seed_.state->metrics.clients_cut_off;
    if (code) return close();
    written_ += bytes;
    if (written_ >= answer_piece) {
      stream_.expires_after(options_.write_timeout);
      written_ = 0;
    }
    if (!serializer_->is_done()) return write_some();
    const bool stays = response_->keep_alive();
    serializer_.reset();
    response_.reset();
    if (stays) return await_request();
    // Closing with bytes unread would reset the connection, perhaps before the client has read the answer.
    beast::error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    buffer_.clear();
    stream_.expires_after(linger_time);
    linger();
  }

  void linger() { stream_.async_read_some(buffer_.prepare(4096), then(&http_session::on_lingering_bytes)); }

  void on_lingering_bytes(beast::error_code code, std::size_t bytes) {
    lingered_ += bytes;
    if (code || lingered_ > max_lingering_bytes || seed_.state->stopping) return close();
    linger();
  }

  beast::tcp_stream stream_;
  connection_seed seed_;
  const gateway_options& options_;
  beast::flat_buffer buffer_;
  asio::steady_timer command_timer_;
  const bool over_limit_;
  bool idle_ = false;
  bool close_after_ = false;
  std::uint64_t turn_ = 0;  // of the answer that is awaited; later ones are ignored
  std::size_t lingered_ = 0;
  std::size_t written_ = 0;  // of the answer's piece under way
  std::optional<http::request_parser<http::string_body>> parser_;
  http_request request_;
  admission admitted_;
  std::optional<http::response<http::empty_body>> continue_;
  std::optional<http::response<http::string_body>> response_;
  std::optional<http::response_serializer<http::string_body>> serializer_;
};

}  // namespace

void start_http_session(tcp::socket socket, connection_seed seed, bool over_limit) {
  std::make_shared<http_session>(std::move(socket), std::move(seed), over_limit)->start();
}

}  // namespace weir

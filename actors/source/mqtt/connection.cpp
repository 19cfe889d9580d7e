#include "actors/source/mqtt/connection.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/ssl/error.hpp>

namespace weir::mqtt {

namespace asio = boost::asio;

namespace {

constexpr std::chrono::seconds goodbye{1};  // how long a closing connection may take

std::size_t bytes_of(const publish_packet& message) { return message.topic.size() + message.payload.size(); }

}  // namespace

connection::connection(asio::io_context& on, connection_options options, std::function<void()> wake)
    : io_(on),
      options_(std::move(options)),
      resolver_(on),
      deadline_(on),
      tick_(on),
      packets_(options_.packets),
      session_(options_.session),
      wake_(std::move(wake)) {}

void connection::start() {
  asio::post(io_, [self = shared_from_this()] { self->resolve(); });
}

void connection::resolve() {
  if (ended_) return;
  auto made = socket::make(io_, options_.host, options_.tls);
  if (!made) return finish(made.error());
  socket_ = std::move(*made);
  deadline_.expires_after(options_.connect_timeout);
  deadline_.async_wait([self = shared_from_this()](const error_code& code) {
    if (!code && !self->session_.connected())
      self->finish({errc::timeout,
                    fmt::format("not connected within {} ms; waiting for {}", self->options_.connect_timeout.count(),
                                self->stage_),
                    "is the broker up, and is the address right?"});
  });
  stage("the host's address");
  resolver_.async_resolve(
      options_.host, std::to_string(options_.port),
      [self = shared_from_this()](const error_code& code, const socket::endpoints& to) {
        if (self->ended_) return;
        if (code)
          return self->finish({errc::unavailable,
                               fmt::format("host '{}' is not known: {}", self->options_.host, code.message()),
                               "check the option url"});
        self->connect(to);
      });
}

void connection::connect(const socket::endpoints& to) {
  stage("the TCP connection");
  socket_->connect(to, [self = shared_from_this()](const error_code& code) {
    if (self->ended_) return;
    if (code)
      return self->finish({errc::unavailable, fmt::format("cannot connect: {}", code.message()),
                           "is the broker up, and is the port right?"});
    if (!self->socket_->secure()) return self->begin_session();
    self->stage("the TLS handshake");
    self->socket_->handshake([self](const error_code& failed) {
      if (self->ended_) return;
      if (failed) return self->finish(self->socket_->handshake_error(failed));
      self->begin_session();
    });
  });
}

void connection::begin_session() {
  stage("the broker's CONNACK");
  if (auto started = session_.start(clock::now()); !started) return finish(started.error());
  flush();
  read();
}

void connection::read() {
  if (ended_ || is_reading_) return;
  is_reading_ = true;
  socket_->read_some(asio::buffer(input_), [self = shared_from_this()](const error_code& code, std::size_t size) {
    self->is_reading_ = false;
    if (self->ended_) return;
    if (self->closing_) return code ? self->end() : self->read();
    if (code) return self->broken(code);
    self->handle({self->input_.data(), size});
  });
}

void connection::handle(std::string_view bytes) {
  std::vector<publish_packet> messages;
  std::optional<error> failed;
  while (!failed) {
    auto packet = packets_.next(bytes);
    if (!packet) {
      failed = packet.error();
    } else if (!*packet) {
      break;
    } else if (auto taken = session_.receive(**packet, clock::now(), messages); !taken) {
      failed = taken.error();
    }
  }
  if (session_.connected()) {
    deadline_.cancel();
    session_present_ = session_.session_present();
  }
  const bool newly = session_.subscribed() && !subscribed_.exchange(session_.subscribed());
  const bool room = deliver(std::move(messages));
  if (failed) return finish(std::move(*failed));
  if (newly) {
    std::lock_guard lock(mutex_);
    if (wake_) wake_();
  }
  flush();
  paused_ = !room;
  if (paused_)
    session_.set_reading(false, clock::now());
  else
    read();
  arm_tick();
}

// False when nothing more may be read for now.
bool connection::deliver(std::vector<publish_packet> messages) {
  std::lock_guard lock(mutex_);
  for (auto& m : messages) {
    inbox_bytes_ += bytes_of(m);
    inbox_.push_back(std::move(m));
  }
  full_ = inbox_.size() >= options_.buffer_messages || inbox_bytes_ >= options_.buffer_bytes;
  if (!messages.empty() && wake_) wake_();
  return !full_;
}

result<std::vector<publish_packet>> connection::take(std::size_t max_messages, std::size_t max_bytes) {
  std::vector<publish_packet> out;
  std::lock_guard lock(mutex_);
  std::size_t bytes = 0;
  while (!inbox_.empty() && out.size() < max_messages &&
         (out.empty() || bytes + bytes_of(inbox_.front()) <= max_bytes)) {
    bytes += bytes_of(inbox_.front());
    out.push_back(std::move(inbox_.front()));
    inbox_.pop_front();
  }
  inbox_bytes_ -= bytes;
  if (out.empty() && failure_) return fail(*failure_);
  if (full_ && inbox_.size() <= options_.buffer_messages / 2 && inbox_bytes_ <= options_.buffer_bytes / 2) {
    full_ = false;
    asio::post(io_, [self = shared_from_this()] { self->resume(); });
  }
  return out;
}

void connection::resume() {
  if (!paused_ || ended_ || closing_) return;
  paused_ = false;
  session_.set_reading(true, clock::now());
  read();
  arm_tick();
}

void connection::acknowledge(std::vector<std::uint16_t> ids) {
  if (ids.empty()) return;
  asio::post(io_, [self = shared_from_this(), ids = std::move(ids)] {
    for (const auto id : ids) self->session_.acknowledge(id, clock::now());
    self->flush();
  });
}

void connection::flush() {
  if (ended_ || is_writing_ || !socket_) return;
  writing_ = session_.take_output();
  if (writing_.empty()) {
    if (!closing_) return;
    socket_->end_of_output();  // the broker's own close follows
    return read();
  }
  is_writing_ = true;
  socket_->write(asio::buffer(writing_), [self = shared_from_this()](const error_code& code, std::size_t) {
    self->is_writing_ = false;
    if (self->ended_) return;
    if (code) return self->closing_ ? self->end() : self->broken(code);
    self->flush();
  });
}

void connection::arm_tick() {
  const auto next = session_.next_tick();
  if (ended_ || !next || (armed_ && *armed_ <= *next)) return;
  armed_ = next;
  tick_.expires_at(*next);
  tick_.async_wait([self = shared_from_this()](const error_code& code) {
    if (code || self->ended_ || self->closing_) return;
    self->armed_.reset();
    if (auto alive = self->session_.tick(clock::now()); !alive) return self->finish(alive.error());
    self->flush();
    self->arm_tick();
  });
}

void connection::close() {
  {
    std::lock_guard lock(mutex_);
    wake_ = nullptr;
  }
  asio::post(io_, [self = shared_from_this()] {
    if (self->ended_ || self->closing_) return;
    if (!self->session_.connected()) return self->end();
    self->closing_ = true;
    self->session_.close();
    self->deadline_.expires_after(goodbye);
    self->deadline_.async_wait([self](const error_code& code) {
      if (!code) self->end();
    });
    self->flush();
  });
}

void connection::broken(const error_code& code) {
  namespace errors = asio::error;
  const bool closed = code == errors::eof || code == errors::connection_reset || code == errors::broken_pipe ||
                      code == asio::ssl::error::stream_truncated;
  if (!closed) return finish({errc::unavailable, fmt::format("the connection broke: {}", code.message()), {}});
  finish(
      {errc::unavailable,
       fmt::format("the broker closed the connection while waiting for {}", session_.connected() ? "messages" : stage_),
       "its log may tell why; another client with the same client_id ends a connection, too"});
}

void connection::finish(error why) {
  if (ended_) return;
  end();
  why.message = fmt::format("{}: {}", options_.url, why.message);
  std::lock_guard lock(mutex_);
  failure_ = std::move(why);
  if (wake_) wake_();
}

void connection::end() {
  ended_ = true;
  subscribed_ = false;
  resolver_.cancel();
  deadline_.cancel();
  tick_.cancel();
  if (socket_) socket_->close();
}

}  // namespace weir::mqtt

#include "tools/bench/bare_http.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/src.hpp>

#include "tools/bench/clocks.hpp"

namespace weir::bench {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;

// As long as the node's.
constexpr const char* answer_text =
    R"({"accepted":100,"dead":0,"first_number":1234567,"first_reason":null,"late":0,"repeated":false,"shard":3,)"
    R"("source":"post.posted.12","stream":"posted"})";

class session : public std::enable_shared_from_this<session> {
 public:
  explicit session(tcp::socket socket) : stream_(std::move(socket)) {}

  void next() {
    request_ = {};
    http::async_read(stream_, buffer_, request_, [self = shared_from_this()](beast::error_code code, std::size_t) {
      if (!code) self->answer();
    });
  }

 private:
  void answer() {
    response_ = {http::status::ok, request_.version()};
    response_.set(http::field::content_type, "application/json");
    response_.body() = answer_text;
    response_.prepare_payload();
    http::async_write(stream_, response_, [self = shared_from_this()](beast::error_code code, std::size_t) {
      if (!code) self->next();
    });
  }

  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  http::request<http::string_body> request_;
  http::response<http::string_body> response_;
};

}  // namespace

struct bare_http::inside {
  asio::io_context io{1};
  tcp::acceptor acceptor{io, tcp::endpoint(asio::ip::address_v4::loopback(), 0)};

  void accept() {
    acceptor.async_accept([this](beast::error_code code, tcp::socket socket) {
      if (code) return;
      socket.set_option(tcp::no_delay(true));
      std::make_shared<session>(std::move(socket))->next();
      accept();
    });
  }
};

bare_http::bare_http() : inside_(std::make_unique<inside>()) {
  inside_->accept();
  thread_ = std::thread([in = inside_.get()] { in->io.run(); });
}

bare_http::~bare_http() {
  inside_->io.stop();
  thread_.join();
}

std::uint16_t bare_http::port() const { return inside_->acceptor.local_endpoint().port(); }

double bare_http::cpu_s() const { return cpu_of(thread_); }

}  // namespace weir::bench

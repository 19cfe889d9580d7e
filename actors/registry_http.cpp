#include "actors/registry_http.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

namespace weir {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr std::size_t max_answer = 4U << 20;
constexpr std::string_view plain = "http://";

class exchange {
 public:
  exchange(const registry_place& to, const registry_request& what) : to_(to) {
    request_.method_string({what.method.data(), what.method.size()});
    request_.target(to.path + what.target);
    request_.version(11);
    request_.set(http::field::host, to.host + ":" + to.port);
    request_.set(http::field::accept, "application/vnd.schemaregistry.v1+json, application/json");
    if (!what.body.empty()) request_.set(http::field::content_type, "application/vnd.schemaregistry.v1+json");
    request_.body() = what.body;
    request_.prepare_payload();
    parser_.body_limit(max_answer);
  }

  result<registry_answer> run(std::chrono::milliseconds timeout) {
    resolver_.async_resolve(to_.host, to_.port, [this](beast::error_code e, auto found) {
      if (end(e)) return;
      stream_.async_connect(found, [this](beast::error_code c, auto) {
        if (!end(c)) send();
      });
    });
    io_.run_for(timeout);
    if (!done_) return fail(errc::timeout, "the schema registry {}:{} does not answer in time", to_.host, to_.port);
    if (problem_)
      return fail(errc::unavailable, "the schema registry {}:{}: {}", to_.host, to_.port, problem_.message());
    return registry_answer{parser_.get().result_int(), std::move(parser_.get().body())};
  }

 private:
  bool end(beast::error_code e) {
    if (!e) return false;
    problem_ = e;
    return done_ = true;
  }

  void send() {
    http::async_write(stream_, request_, [this](beast::error_code w, std::size_t) {
      if (end(w)) return;
      http::async_read(stream_, buffer_, parser_, [this](beast::error_code r, std::size_t) {
        problem_ = r;
        done_ = true;
      });
    });
  }

  const registry_place& to_;
  asio::io_context io_;
  asio::ip::tcp::resolver resolver_{io_};
  beast::tcp_stream stream_{io_};
  beast::flat_buffer buffer_;
  http::request<http::string_body> request_;
  http::response_parser<http::string_body> parser_;
  beast::error_code problem_;
  bool done_ = false;
};

}  // namespace

result<registry_place> parse_registry_place(std::string_view url) {
  if (!url.starts_with(plain) || url.find('@') != std::string_view::npos)
    return with_hint(fail(errc::unsupported, "sources.kafka.registry = '{}' is not http://host:port", url),
                     "https and passwords in the address are not supported");
  url.remove_prefix(plain.size());
  while (url.ends_with('/')) url.remove_suffix(1);
  registry_place out;
  out.port = "80";
  const auto slash = url.find('/');
  if (slash != std::string_view::npos) out.path = url.substr(slash);
  const auto place = url.substr(0, slash);
  const auto colon = place.rfind(':');
  out.host = place.substr(0, colon);
  if (colon != std::string_view::npos) out.port = place.substr(colon + 1);
  if (out.host.empty()) return fail(errc::invalid_argument, "sources.kafka.registry names no host");
  return out;
}

result<registry_answer> ask_registry(const registry_place& to, const registry_request& what,
                                     std::chrono::milliseconds timeout) {
  return exchange(to, what).run(timeout);
}

std::string path_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain_one = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                           c == '_' || c == '.' || c == '~';
    out += plain_one ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

}  // namespace weir

#include "actors/registry_http.hpp"

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

namespace weir {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace ssl = boost::asio::ssl;

constexpr std::size_t max_answer = 4U << 20;
constexpr std::string_view plain = "http://", secured = "https://";

class exchange {
 public:
  exchange(const registry_place& to, const registry_request& what) : to_(to) {
    request_.method_string({what.method.data(), what.method.size()});
    request_.target(to.path + what.target);
    request_.version(11);
    request_.set(http::field::host, to.host + ":" + to.port);
    request_.set(http::field::accept, "application/vnd.schemaregistry.v1+json, application/json");
    if (!to.authorization.empty()) request_.set(http::field::authorization, to.authorization);
    if (!what.body.empty()) request_.set(http::field::content_type, "application/vnd.schemaregistry.v1+json");
    request_.body() = what.body;
    request_.prepare_payload();
    parser_.body_limit(max_answer);
  }

  result<registry_answer> run(std::chrono::milliseconds timeout) {
    if (to_.tls) WEIR_TRY_VOID(trust());
    resolver_.async_resolve(to_.host, to_.port, [this](beast::error_code e, auto found) {
      if (end(e)) return;
      tcp().async_connect(found, [this](beast::error_code c, auto) {
        if (!end(c)) connected();
      });
    });
    io_.run_for(timeout);
    if (!done_) return fail(errc::timeout, "the schema registry {}:{} does not answer in time", to_.host, to_.port);
    if (problem_) return failed();
    return registry_answer{parser_.get().result_int(), std::move(parser_.get().body())};
  }

 private:
  beast::tcp_stream& tcp() { return stream_.next_layer(); }

  bool end(beast::error_code e) {
    if (!e) return false;
    problem_ = e;
    return done_ = true;
  }

  // Its certificate must lead to one that is trusted, and be of this host.
  status trust() {
    beast::error_code code;
    if (to_.ca.empty())
      trust_.set_default_verify_paths(code);
    else
      trust_.load_verify_file(to_.ca, code);
    if (code)
      return fail(errc::invalid_argument, "sources.kafka.registry_ca {} cannot be used: {}", to_.ca, code.message());
    auto* const handle = stream_.native_handle();
    asio::ip::make_address(to_.host, code);
    const bool is_address = !code;
    const int set = is_address ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(handle), to_.host.c_str())
                               : SSL_set1_host(handle, to_.host.c_str());
    const bool named = is_address || SSL_set_tlsext_host_name(handle, to_.host.c_str()) == 1;
    if (set != 1 || !named)
      return fail(errc::invalid_argument, "host '{}' cannot be checked against a certificate", to_.host);
    SSL_set_min_proto_version(handle, TLS1_2_VERSION);
    stream_.set_verify_mode(ssl::verify_peer);
    return {};
  }

  void connected() {
    if (!to_.tls) return send(tcp());
    stream_.async_handshake(ssl::stream_base::client, [this](beast::error_code h) {
      if (!end(h)) send(stream_);
    });
  }

  template <class Stream>
  void send(Stream& stream) {
    http::async_write(stream, request_, [this, &stream](beast::error_code w, std::size_t) {
      if (end(w)) return;
      http::async_read(stream, buffer_, parser_, [this](beast::error_code r, std::size_t) {
        problem_ = r;
        done_ = true;
      });
    });
  }

  tl::unexpected<error> failed() {
    const auto verdict = to_.tls ? SSL_get_verify_result(stream_.native_handle()) : X509_V_OK;
    if (verdict == X509_V_OK)
      return fail(errc::unavailable, "the schema registry {}:{}: {}", to_.host, to_.port, problem_.message());
    return with_hint(fail(errc::unavailable, "the certificate of the schema registry {}:{} is not trusted: {}",
                          to_.host, to_.port, X509_verify_cert_error_string(verdict)),
                     "name the certificates that it must lead to in sources.kafka.registry_ca");
  }

  const registry_place& to_;
  asio::io_context io_;
  asio::ip::tcp::resolver resolver_{io_};
  ssl::context trust_{ssl::context::tls_client};
  beast::ssl_stream<beast::tcp_stream> stream_{io_, trust_};
  beast::flat_buffer buffer_;
  http::request<http::string_body> request_;
  http::response_parser<http::string_body> parser_;
  beast::error_code problem_;
  bool done_ = false;
};

}  // namespace

result<registry_place> parse_registry_place(std::string_view url) {
  registry_place out;
  out.tls = url.starts_with(secured);
  if ((!out.tls && !url.starts_with(plain)) || url.find('@') != std::string_view::npos)
    return with_hint(fail(errc::unsupported, "sources.kafka.registry is not http://host:port or https://host:port"),
                     "user and password stand in sources.kafka.registry_user and registry_password_file");
  url.remove_prefix(out.tls ? secured.size() : plain.size());
  while (url.ends_with('/')) url.remove_suffix(1);
  out.port = out.tls ? "443" : "80";
  const auto slash = url.find('/');
  if (slash != std::string_view::npos) out.path = url.substr(slash);
  const auto place = url.substr(0, slash);
  const auto colon = place.rfind(':');
  out.host = place.substr(0, colon);
  if (colon != std::string_view::npos) out.port = place.substr(colon + 1);
  if (out.host.empty()) return fail(errc::invalid_argument, "sources.kafka.registry names no host");
  return out;
}

std::string basic_authorization(std::string_view user, std::string_view password) {
  const auto plain_text = fmt::format("{}:{}", user, password);
  std::string encoded(4 * (plain_text.size() / 3 + 1) + 1, '\0');
  const auto size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()),
                      reinterpret_cast<const unsigned char*>(plain_text.data()), static_cast<int>(plain_text.size()));
  encoded.resize(static_cast<std::size_t>(size));
  return "Basic " + encoded;
}

result<registry_answer> ask_registry(const registry_place& to, const registry_request& what,
                                     std::chrono::milliseconds timeout) {
  try {
    return exchange(to, what).run(timeout);
  } catch (const std::exception& e) {  // OpenSSL without memory
    return fail(errc::unavailable, "the schema registry {}:{} cannot be asked: {}", to.host, to.port, e.what());
  }
}

std::string path_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool as_it_is = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                          c == '_' || c == '.' || c == '~';
    out += as_it_is ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

}  // namespace weir

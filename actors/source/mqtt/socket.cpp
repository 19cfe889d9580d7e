#include "actors/source/mqtt/socket.hpp"

#include <openssl/x509v3.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/write.hpp>

namespace weir::mqtt {

namespace asio = boost::asio;
namespace ssl = asio::ssl;

result<std::unique_ptr<socket>> socket::make(asio::io_context& on, const std::string& host,
                                             const std::optional<tls_options>& tls) {
  std::unique_ptr<socket> made(new socket(on));
  made->host_ = host;
  if (!tls) return made;
  try {
    WEIR_TRY_VOID(made->use_tls(host, *tls));
  } catch (const std::exception& e) {  // OpenSSL without memory
    return fail(errc::unavailable, "TLS cannot be set up: {}", e.what());
  }
  return made;
}

status socket::use_tls(const std::string& host, const tls_options& options) {
  trust_ = std::make_unique<ssl::context>(ssl::context::tls_client);
  error_code code;
  const auto unusable = [&](std::string_view option) {
    return fail(errc::invalid_argument, "the file of option {} cannot be used: {}", option, code.message());
  };
  SSL_CTX_set_min_proto_version(trust_->native_handle(), TLS1_2_VERSION);
  if (options.ca.empty())
    trust_->set_default_verify_paths(code);
  else
    trust_->add_certificate_authority(asio::buffer(options.ca), code);
  if (code) return unusable("ca_file");
  if (!options.cert.empty()) {
    if (trust_->use_certificate_chain(asio::buffer(options.cert), code); code) return unusable("cert_file");
    if (trust_->use_private_key(asio::buffer(options.key), ssl::context::pem, code); code) return unusable("key_file");
  }
  trust_->set_verify_mode(ssl::verify_peer);
  tls_ = std::make_unique<ssl::stream<asio::ip::tcp::socket&>>(tcp_, *trust_);
  auto* handle = tls_->native_handle();
  asio::ip::make_address(host, code);
  const bool is_address = !code;
  auto* checks = SSL_get0_param(handle);
  const int set =
      is_address ? X509_VERIFY_PARAM_set1_ip_asc(checks, host.c_str()) : SSL_set1_host(handle, host.c_str());
  const bool named = is_address || SSL_set_tlsext_host_name(handle, host.c_str()) == 1;
  if (set != 1 || !named)
    return fail(errc::invalid_argument, "host '{}' cannot be checked against a certificate", host);
  return {};
}

void socket::connect(const endpoints& to, std::function<void(const error_code&)> then) {
  asio::async_connect(tcp_, to, [this, then = std::move(then)](const error_code& code, const asio::ip::tcp::endpoint&) {
    error_code ignored;
    if (!code) tcp_.set_option(asio::ip::tcp::no_delay(true), ignored);
    then(code);
  });
}

void socket::handshake(std::function<void(const error_code&)> then) {
  tls_->async_handshake(ssl::stream_base::client, std::move(then));
}

error socket::handshake_error(const error_code& code) const {
  const auto verdict = SSL_get_verify_result(tls_->native_handle());
  switch (verdict) {
    case X509_V_OK:
      return {errc::unavailable, fmt::format("no TLS connection: {}", code.message()),
              "is this the port on which the broker speaks TLS?"};
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return {errc::permission_denied, fmt::format("the broker's certificate is not for the host '{}'", host_),
              "write the url with a name that the certificate has"};
    default:
      return {errc::permission_denied,
              fmt::format("the broker's certificate is not trusted: {}", X509_verify_cert_error_string(verdict)),
              "give option ca_file the certificate of the CA that signed it"};
  }
}

void socket::read_some(asio::mutable_buffer into, done then) {
  tls_ ? tls_->async_read_some(into, std::move(then)) : tcp_.async_read_some(into, std::move(then));
}

void socket::write(asio::const_buffer all, done then) {
  tls_ ? asio::async_write(*tls_, all, std::move(then)) : asio::async_write(tcp_, all, std::move(then));
}

void socket::end_of_output() {
  error_code ignored;
  tcp_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
}

void socket::close() {
  error_code ignored;
  tcp_.close(ignored);
}

}  // namespace weir::mqtt

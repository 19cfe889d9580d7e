// TCP, or TLS over it, behind one face. Everything runs on one io_context; handlers are called from there.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "runtime/result.hpp"

namespace weir::mqtt {

struct tls_options {
  std::string ca;         // PEM; empty: what the system trusts
  std::string cert, key;  // PEM of a client certificate and its key; empty: none
};

class socket {
 public:
  using error_code = boost::system::error_code;
  using done = std::function<void(const error_code&, std::size_t)>;

  // invalid_argument: a certificate or key that cannot be used.
  static result<std::unique_ptr<socket>> make(boost::asio::io_context& on, const std::string& host,
                                              const std::optional<tls_options>& tls);

  using endpoints = boost::asio::ip::tcp::resolver::results_type;
  void connect(const endpoints& to, std::function<void(const error_code&)> then);
  bool secure() const { return tls_ != nullptr; }
  void handshake(std::function<void(const error_code&)> then);
  // Why the handshake failed, in words.
  error handshake_error(const error_code& code) const;

  void read_some(boost::asio::mutable_buffer into, done then);
  void write(boost::asio::const_buffer all, done then);
  void end_of_output();
  void close();

 private:
  explicit socket(boost::asio::io_context& on) : tcp_(on) {}
  status use_tls(const std::string& host, const tls_options& options);

  boost::asio::ip::tcp::socket tcp_;
  std::string host_;
  std::unique_ptr<boost::asio::ssl::context> trust_;
  std::unique_ptr<boost::asio::ssl::stream<boost::asio::ip::tcp::socket&>> tls_;
};

}  // namespace weir::mqtt

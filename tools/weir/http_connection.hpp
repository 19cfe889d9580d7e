// One connection to a node. Beast is used with asynchronous calls and a short poll, for that is the only way to end a
// blocking read at a deadline or at Ctrl-C. For the files that talk to a node only.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <string>

#include "runtime/result.hpp"
#include "tools/weir/endpoint.hpp"
#include "tools/weir/problem.hpp"

namespace weir::cli {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

inline constexpr std::size_t max_header_bytes = 64U << 10, max_response_bytes = 256U << 20;

inline http::request<http::string_body> make_request(http::verb verb, const endpoint& node, const std::string& where) {
  http::request<http::string_body> request(verb, where, 11);
  request.set(http::field::host, node.url().substr(std::string_view("http://").size()));
  request.set(http::field::user_agent, "weir");
  request.set(http::field::accept, "application/json, application/problem+json");
  if (!node.token.empty()) request.set(http::field::authorization, "Bearer " + node.token);
  return request;
}

class http_connection {
 public:
  using clock = std::chrono::steady_clock;
  using tcp = asio::ip::tcp;

  http_connection(const endpoint& node, const std::atomic<bool>& stopped) : node_(node), stopped_(stopped) {}

  status open(clock::time_point deadline) {
    const auto limit = std::min(deadline, clock::now() + connect_limit);
    beast::error_code code;
    tcp::resolver::results_type found;
    resolver_.async_resolve(node_.host, std::to_string(node_.port), [&](const auto& e, auto results) {
      code = e;
      found = std::move(results);
      done_ = true;
    });
    if (auto waited = wait(limit); !waited) return waited.error().code == errc::timeout ? no_answer() : waited;
    if (code) return fail(unreachable(node_, code.message()));
    asio::async_connect(socket_, found, [&](const auto& e, const auto&) { finish(code, e); });
    if (auto waited = wait(limit); !waited) return waited.error().code == errc::timeout ? no_answer() : waited;
    if (code) return fail(unreachable(node_, code.message()));
    socket_.set_option(tcp::no_delay(true), code);
    return {};
  }

  bool is_open() const { return socket_.is_open(); }

  template <class Request>
  status write(Request& request, clock::time_point deadline) {
    beast::error_code code;
    http::async_write(socket_, request, [&](const auto& e, std::size_t) { finish(code, e); });
    WEIR_TRY_VOID(wait(deadline));
    return code ? fail(broken(node_, code)) : status();
  }

  template <class Parser>
  status read_header(Parser& parser, clock::time_point deadline) {
    beast::error_code code;
    http::async_read_header(socket_, buffer_, parser, [&](const auto& e, std::size_t) { finish(code, e); });
    WEIR_TRY_VOID(wait(deadline));
    return code ? fail(broken(node_, code)) : status();
  }

  template <class Parser>
  status read(Parser& parser, clock::time_point deadline) {
    beast::error_code code;
    http::async_read(socket_, buffer_, parser, [&](const auto& e, std::size_t) { finish(code, e); });
    WEIR_TRY_VOID(wait(deadline));
    if (code == http::error::body_limit) {
      return fail(errc::limit_exceeded, "the answer has more than {} bytes; ask for less with --limit",
                  max_response_bytes);
    }
    return code ? fail(broken(node_, code)) : status();
  }

  // The next piece of a body; empty at its end.
  result<std::string_view> read_piece(http::response_parser<http::buffer_body>& parser, clock::time_point deadline) {
    if (parser.is_done()) return std::string_view{};
    auto& body = parser.get().body();
    body.data = piece_.data();
    body.size = piece_.size();
    beast::error_code code;
    http::async_read_some(socket_, buffer_, parser, [&](const auto& e, std::size_t) { finish(code, e); });
    WEIR_TRY_VOID(wait(deadline));
    if (code && code != http::error::need_buffer) return fail(broken(node_, code));
    return std::string_view(piece_.data(), piece_.size() - body.size);
  }

 private:
  static constexpr auto poll = std::chrono::milliseconds(50);
  static constexpr auto connect_limit = std::chrono::seconds(10);

  static error broken(const endpoint& node, const beast::error_code& code) {
    return {errc::unavailable, fmt::format("the connection to {} broke: {}", node.url(), code.message()),
            "look at the node's log; `weir status` tells whether it answers again"};
  }
  void finish(beast::error_code& code, const beast::error_code& e) {
    code = e;
    done_ = true;
  }

  status no_answer() { return fail(unreachable(node_, "no answer within 10 s")); }

  // Runs until the operation under way has ended; at the deadline or Ctrl-C it is ended and the socket closed.
  status wait(clock::time_point deadline) {
    done_ = false;
    context_.restart();
    while (!done_) {
      context_.run_for(poll);
      if (done_ || (!stopped_ && clock::now() < deadline)) continue;
      beast::error_code ignored;
      resolver_.cancel();
      socket_.close(ignored);
      context_.restart();
      context_.run();
      if (stopped_) return fail(errc::cancelled, "interrupted");
      return with_hint(fail(errc::timeout, "{} has not answered in time", node_.url()),
                       "give it longer with --timeout");
    }
    return {};
  }

  const endpoint& node_;
  const std::atomic<bool>& stopped_;
  asio::io_context context_;
  tcp::resolver resolver_{context_};
  tcp::socket socket_{context_};
  beast::flat_buffer buffer_;
  std::array<char, 16 << 10> piece_{};
  bool done_ = false;
};

}  // namespace weir::cli

// The only file of the program that knows Beast and Asio. They are used with asynchronous calls and a short poll, for
// that is the only way to end a blocking read at a deadline or at Ctrl-C.
#include "tools/weir/api_client.hpp"

#include <array>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

namespace weir::cli {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;
using clock = std::chrono::steady_clock;

namespace {

constexpr auto poll = std::chrono::milliseconds(50);
constexpr auto connect_limit = std::chrono::seconds(10);
constexpr std::size_t header_limit = 64U << 10;

http::request<http::string_body> make_request(http::verb verb, const endpoint& node, const std::string& where) {
  http::request<http::string_body> request(verb, where, 11);
  request.set(http::field::host, node.url().substr(std::string_view("http://").size()));
  request.set(http::field::user_agent, "weir");
  request.set(http::field::accept, "application/json, application/problem+json");
  if (!node.token.empty()) request.set(http::field::authorization, "Bearer " + node.token);
  return request;
}

error broken(const endpoint& node, const beast::error_code& code) {
  return {errc::unavailable, fmt::format("the connection to {} broke: {}", node.url(), code.message()),
          "look at the node's log; `weir status` tells whether it answers again"};
}

}  // namespace

class api_client::connection {
 public:
  connection(const endpoint& node, const std::atomic<bool>& stopped) : node_(node), stopped_(stopped) {}

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

api_client::api_client(endpoint node, std::chrono::milliseconds timeout, const std::atomic<bool>& stopped)
    : node_(std::move(node)), timeout_(timeout), stopped_(stopped) {}

result<json> api_client::get(const target& where) {
  WEIR_TRY(answer, send("GET", where, ""));
  return json_of(answer, node_);
}

result<json> api_client::post(const target& where, const json& body) {
  WEIR_TRY(answer, send("POST", where, body.dump(-1, ' ', false, json::error_handler_t::replace)));
  return json_of(answer, node_);
}

result<json> api_client::remove(const target& where) {
  WEIR_TRY(answer, send("DELETE", where, ""));
  return json_of(answer, node_);
}

result<response> api_client::send(std::string_view method, const target& where, std::string_view body) {
  auto request = make_request(http::string_to_verb(method), node_, where.text());
  if (!body.empty()) request.set(http::field::content_type, "application/json");
  request.body() = body;
  request.prepare_payload();

  const auto deadline = clock::now() + timeout_;
  connection link(node_, stopped_);
  WEIR_TRY_VOID(link.open(deadline));
  WEIR_TRY_VOID(link.write(request, deadline));
  http::response_parser<http::string_body> parser;
  parser.header_limit(header_limit);
  parser.body_limit(max_response_bytes);
  WEIR_TRY_VOID(link.read(parser, deadline));
  return response{static_cast<int>(parser.get().result_int()), std::move(parser.get().body())};
}

api_client::~api_client() = default;

result<response> api_client::post_records(const target& where, const record_request& records) {
  auto request = make_request(http::verb::post, node_, where.text());
  request.set(http::field::content_type, std::string(records.content_type));
  if (!records.key.empty()) request.set("Idempotency-Key", std::string(records.key));
  request.body() = records.body;
  request.prepare_payload();

  const auto deadline = clock::now() + timeout_;
  auto link = std::move(kept_);  // kept again only when all went well
  if (!link) {
    link = std::make_unique<connection>(node_, stopped_);
    WEIR_TRY_VOID(link->open(deadline));
  }
  WEIR_TRY_VOID(link->write(request, deadline));
  http::response_parser<http::string_body> parser;
  parser.header_limit(header_limit);
  parser.body_limit(max_response_bytes);
  WEIR_TRY_VOID(link->read(parser, deadline));
  if (parser.get().keep_alive()) kept_ = std::move(link);
  return response{static_cast<int>(parser.get().result_int()), std::move(parser.get().body())};
}

status api_client::follow(const target& where, std::chrono::milliseconds silence,
                          const std::function<bool(const sse_event&)>& take) {
  auto request = make_request(http::verb::get, node_, where.text());
  request.set(http::field::accept, "text/event-stream");
  const auto deadline = clock::now() + timeout_;
  connection link(node_, stopped_);
  WEIR_TRY_VOID(link.open(deadline));
  WEIR_TRY_VOID(link.write(request, deadline));
  http::response_parser<http::buffer_body> parser;
  parser.header_limit(header_limit);
  parser.body_limit(boost::none);
  WEIR_TRY_VOID(link.read_header(parser, deadline));

  const auto code = static_cast<int>(parser.get().result_int());
  sse_reader reader;
  std::string refusal;
  while (!parser.is_done()) {
    auto piece = link.read_piece(parser, clock::now() + silence);
    if (!piece && piece.error().code == errc::timeout) {
      return fail(errc::unavailable, "{} has said nothing for {} s", node_.url(), silence.count() / 1000);
    }
    if (!piece) return fail(std::move(piece).error());
    if (code >= 400) {
      refusal += piece->substr(0, header_limit - std::min(header_limit, refusal.size()));
      continue;
    }
    WEIR_TRY_VOID(reader.feed(*piece, take));
    if (reader.stopped()) return {};
  }
  if (code >= 400) return fail(error_of({code, std::move(refusal)}, node_));
  return fail(errc::unavailable, "{} ended the connection", node_.url());
}

}  // namespace weir::cli

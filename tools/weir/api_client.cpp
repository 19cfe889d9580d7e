#include "tools/weir/api_client.hpp"

#include "tools/weir/http_connection.hpp"

namespace weir::cli {

using clock = http_connection::clock;

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
  http_connection link(node_, stopped_);
  WEIR_TRY_VOID(link.open(deadline));
  WEIR_TRY_VOID(link.write(request, deadline));
  http::response_parser<http::string_body> parser;
  parser.header_limit(max_header_bytes);
  parser.body_limit(max_response_bytes);
  WEIR_TRY_VOID(link.read(parser, deadline));
  return response{static_cast<int>(parser.get().result_int()), std::move(parser.get().body())};
}

status api_client::follow(const target& where, std::chrono::milliseconds silence,
                          const std::function<bool(const sse_event&)>& take) {
  auto request = make_request(http::verb::get, node_, where.text());
  request.set(http::field::accept, "text/event-stream");
  const auto deadline = clock::now() + timeout_;
  http_connection link(node_, stopped_);
  WEIR_TRY_VOID(link.open(deadline));
  WEIR_TRY_VOID(link.write(request, deadline));
  http::response_parser<http::buffer_body> parser;
  parser.header_limit(max_header_bytes);
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
      refusal += piece->substr(0, max_header_bytes - std::min(max_header_bytes, refusal.size()));
      continue;
    }
    WEIR_TRY_VOID(reader.feed(*piece, take));
    if (reader.stopped()) return {};
  }
  if (code >= 400) return fail(error_of({code, std::move(refusal)}, node_));
  return fail(errc::unavailable, "{} ended the connection", node_.url());
}

}  // namespace weir::cli

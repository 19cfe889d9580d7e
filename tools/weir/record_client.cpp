#include "tools/weir/record_client.hpp"

#include "tools/weir/http_connection.hpp"

namespace weir::cli {

record_client::record_client(endpoint node, std::chrono::milliseconds timeout, const std::atomic<bool>& stopped)
    : node_(std::move(node)), timeout_(timeout), stopped_(stopped) {}

record_client::~record_client() = default;

result<response> record_client::post(const target& where, const record_request& records) {
  auto request = make_request(http::verb::post, node_, where.text());
  request.set(http::field::content_type, std::string(records.content_type));
  if (!records.key.empty()) request.set("Idempotency-Key", std::string(records.key));
  request.body() = records.body;
  request.prepare_payload();

  const auto deadline = http_connection::clock::now() + timeout_;
  auto link = std::move(kept_);  // kept again only when all went well
  if (!link) {
    link = std::make_unique<http_connection>(node_, stopped_);
    WEIR_TRY_VOID(link->open(deadline));
  }
  WEIR_TRY_VOID(link->write(request, deadline));
  http::response_parser<http::string_body> parser;
  parser.header_limit(max_header_bytes);
  parser.body_limit(max_response_bytes);
  WEIR_TRY_VOID(link->read(parser, deadline));
  if (parser.get().keep_alive()) kept_ = std::move(link);
  return response{static_cast<int>(parser.get().result_int()), std::move(parser.get().body())};
}

}  // namespace weir::cli

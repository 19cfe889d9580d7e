// Records that clients bring: POST /v1/streams/{name}/records.
#include <algorithm>

#include "actors/gateway/problem.hpp"
#include "actors/gateway/record_body.hpp"
#include "actors/gateway/routes.hpp"

namespace weir {
namespace {

constexpr std::size_t max_key_bytes = 255;

status check_key(std::string_view key) {
  const bool printable = std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c <= '~'; });
  if (key.size() <= max_key_bytes && printable) return {};
  return with_hint(
      fail(errc::invalid_argument, "the Idempotency-Key has {} bytes, or some that are no ASCII text", key.size()),
      fmt::format("write 1 to {} printable characters without spaces, a UUID for example", max_key_bytes));
}

// Where the node's word for an error has a closer status here.
http_response answer_of(const result<nlohmann::json>& from_node) {
  if (!from_node && from_node.error().code == errc::unsupported) return problem(415, from_node.error());
  return answer(from_node);
}

void post(const api_call& call, const respond& done) {
  if (auto good = check_key(call.request.idempotency_key); !good) return done(problem(good.error()));
  record_body body;
  if (auto refusal = read_record_body(call.request, call.gateway.options, body)) return done(std::move(*refusal));
  posted_records records{call.path[0], call.query_value("source"), call.request.idempotency_key, body.media,
                         std::move(body.bytes)};
  call.gateway.node.post_records(std::move(records),
                                 [done](const result<nlohmann::json>& from_node) { done(answer_of(from_node)); });
}

std::vector<std::string> media_names() {
  std::vector<std::string> out;
  for (const auto& known : body_media_names) out.emplace_back(known.name);
  return out;
}

}  // namespace

void add_record_routes(std::vector<route>& out) {
  out.push_back({.method = "POST",
                 .pattern = "/v1/streams/{name}/records",
                 .operation_id = "post_records",
                 .tag = "streams",
                 .summary = "Brings records into a stream; answered when they are committed",
                 .query = {{"source",
                            "Whose records they are: a source of connector http, opened by its first "
                            "request. Absent: one of the stream's sixteen virtual sources, by the key."}},
                 .headers = {{"Idempotency-Key",
                              "The request may come again with it: its records enter once. Known "
                              "within its source, for http.idempotency_window."},
                             {"Content-Encoding", "Of the body.", one_of_texts({"gzip", "identity"})}},
                 .raw_request = media_names(),
                 .response = "post_answer",
                 .late_hint = "whether the records are committed is not known; retry with the same Idempotency-Key",
                 .handle = post});
}

}  // namespace weir

#include "actors/gateway/problem.hpp"
#include "actors/gateway/routes.hpp"

namespace weir {
namespace {

void list(const api_call& call, const respond& done) { done(answer_rows(call, call.gateway.node.list_streams())); }

void get(const api_call& call, const respond& done) { done(answer(call.gateway.node.get_stream(call.path[0]))); }

void records(const api_call& call, const respond& done) {
  const auto page = call.page();
  if (!page) return done(problem(page.error()));
  done(answer_rows(call, call.gateway.node.stream_records(call.path[0], *page),
                   {"source", "sequence", "event_time", "arrival", "late", "record"}));
}

}  // namespace

void add_stream_routes(std::vector<route>& out) {
  out.push_back({.method = "GET",
                 .pattern = "/v1/streams",
                 .operation_id = "list_streams",
                 .tag = "streams",
                 .summary = "All streams",
                 .response = "stream_list",
                 .row_list = true,
                 .handle = list});
  out.push_back({.method = "GET",
                 .pattern = "/v1/streams/{name}",
                 .operation_id = "get_stream",
                 .tag = "streams",
                 .summary = "One stream with its columns",
                 .response = "stream",
                 .handle = get});
  out.push_back({.method = "GET",
                 .pattern = "/v1/streams/{name}/records",
                 .operation_id = "stream_records",
                 .tag = "streams",
                 .summary = "Records of a stream: the newest, or those after a position",
                 .query = page_parameters(),
                 .response = "stream_record_list",
                 .row_list = true,
                 .handle = records});
}

}  // namespace weir

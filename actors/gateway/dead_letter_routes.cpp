#include "actors/gateway/problem.hpp"
#include "actors/gateway/routes.hpp"

namespace weir {
namespace {

void list(const api_call& call, const respond& done) {
  const auto page = call.page();
  if (!page) return done(problem(page.error()));
  const bool late = call.query_value("late") == "true";
  done(answer_rows(call, call.gateway.node.dead_letters(call.path[0], late, *page),
                   {"id", "reason", "source", "sequence", "event_time", "record"}));
}

void get(const api_call& call, const respond& done) {
  done(answer(call.gateway.node.get_dead_letter(call.path[0], call.path[1])));
}

void retry(const api_call& call, const respond& done) {
  std::optional<std::string> record;
  if (call.body.contains("record")) record = call.body["record"];
  call.gateway.node.retry_dead_letter(call.path[0], call.path[1], std::move(record),
                                      answer_later(done, call.where.success));
}

}  // namespace

void add_dead_letter_routes(std::vector<route>& out) {
  auto parameters = page_parameters();
  parameters.push_back({"late", "true: late records instead of refused ones.", one_of_texts({"true", "false"})});
  out.push_back({.method = "GET",
                 .pattern = "/v1/dead_letters/{name}",
                 .operation_id = "list_dead_letters",
                 .tag = "dead letters",
                 .summary = "What a stream or view refused, and why",
                 .query = std::move(parameters),
                 .response = "dead_letter_list",
                 .row_list = true,
                 .handle = list});
  out.push_back({.method = "GET",
                 .pattern = "/v1/dead_letters/{name}/{id}",
                 .operation_id = "get_dead_letter",
                 .tag = "dead letters",
                 .summary = "One dead letter with its record",
                 .response = "dead_letter",
                 .handle = get});
  out.push_back({.method = "POST",
                 .pattern = "/v1/dead_letters/{name}/{id}/retry",
                 .operation_id = "retry_dead_letter",
                 .tag = "dead letters",
                 .summary = "Sends its record, or a corrected one, through ingest again",
                 .request = "retry_request",
                 .body_optional = true,
                 .response = "done",
                 .handle = retry});
}

}  // namespace weir

#include "actors/gateway/problem.hpp"
#include "actors/gateway/routes.hpp"

namespace weir {
namespace {

void list(const api_call& call, const respond& done) {
  done(answer_rows(call, call.gateway.node.list_pipelines(), {"name", "state", "views", "lag", "error"}));
}

void get(const api_call& call, const respond& done) { done(answer(call.gateway.node.get_pipeline(call.path[0]))); }

void apply(const api_call& call, const respond& done) {
  pipeline_request request{call.body["name"], call.body["sql"]};
  request.replace = call.body.value("replace", false);
  request.from_beginning = call.body.value("from", "beginning") == "beginning";
  call.gateway.node.apply_pipeline(std::move(request), answer_later(done, call.where.success));
}

void drop(const api_call& call, const respond& done) {
  call.gateway.node.drop_pipeline(call.path[0], answer_later(done, call.where.success));
}

void resume(const api_call& call, const respond& done) {
  call.gateway.node.resume_pipeline(call.path[0], answer_later(done, call.where.success));
}

void validate(const api_call& call, const respond& done) {
  done(json_response(call.gateway.node.validate_sql(call.body["sql"].get_ref<const std::string&>())));
}

}  // namespace

void add_pipeline_routes(std::vector<route>& out) {
  out.push_back({.method = "GET",
                 .pattern = "/v1/pipelines",
                 .operation_id = "list_pipelines",
                 .tag = "pipelines",
                 .summary = "All pipelines with their state",
                 .response = "pipeline_list",
                 .row_list = true,
                 .handle = list});
  out.push_back({.method = "POST",
                 .pattern = "/v1/pipelines",
                 .operation_id = "apply_pipeline",
                 .tag = "pipelines",
                 .summary = "Deploys the views of an SQL text as one pipeline",
                 .request = "pipeline_request",
                 .response = "done",
                 .handle = apply});
  out.push_back({.method = "GET",
                 .pattern = "/v1/pipelines/{name}",
                 .operation_id = "get_pipeline",
                 .tag = "pipelines",
                 .summary = "One pipeline with its SQL, state and error",
                 .response = "pipeline",
                 .handle = get});
  out.push_back({.method = "DELETE",
                 .pattern = "/v1/pipelines/{name}",
                 .operation_id = "drop_pipeline",
                 .tag = "pipelines",
                 .summary = "Drops a pipeline with its views, unless others read them",
                 .response = "done",
                 .handle = drop});
  out.push_back({.method = "POST",
                 .pattern = "/v1/pipelines/{name}/resume",
                 .operation_id = "resume_pipeline",
                 .tag = "pipelines",
                 .summary = "Lets a quarantined pipeline try again",
                 .request = "no_arguments",
                 .body_optional = true,
                 .response = "done",
                 .handle = resume});
  out.push_back({.method = "POST",
                 .pattern = "/v1/validate",
                 .operation_id = "validate",
                 .tag = "pipelines",
                 .summary = "Checks an SQL text and shows its plan",
                 .request = "validate_request",
                 .response = "verdict",
                 .handle = validate});
}

}  // namespace weir

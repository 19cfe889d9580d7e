#include "actors/gateway/problem.hpp"
#include "actors/gateway/routes.hpp"

namespace weir {
namespace {

source_request source_of(const nlohmann::json& body) {
  source_request out{body["name"], body["stream"], body["connector"], {}};
  if (const auto options = body.find("options"); options != body.end()) {
    for (const auto& option : options->items()) {
      const auto& value = option.value();
      out.options[option.key()] = value.is_string() ? value.get<std::string>() : value.dump();
    }
  }
  return out;
}

void list(const api_call& call, const respond& done) {
  const auto page = call.page();
  if (!page) return done(problem(page.error()));
  done(answer_rows(call, call.gateway.node.list_sources(*page),
                   {"name", "stream", "connector", "state", "rate", "lag", "last_error", "next_try"}));
}

void get(const api_call& call, const respond& done) { done(answer(call.gateway.node.get_source(call.path[0]))); }

void add(const api_call& call, const respond& done) {
  std::vector<source_request> sources;
  if (const auto several = call.body.find("sources"); several != call.body.end()) {
    for (const auto& one : *several) sources.push_back(source_of(one));
  } else {
    sources.push_back(source_of(call.body));
  }
  call.gateway.node.add_sources(std::move(sources), answer_later(done, call.where.success));
}

void test(const api_call& call, const respond& done) {
  const auto text = [&](const char* name) { return call.body.value(name, std::string()); };
  auto described = call.body;
  for (const char* name : {"name", "stream", "connector"}) described[name] = text(name);
  call.gateway.node.test_source(source_of(described), answer_later(done, call.where.success));
}

void pause(const api_call& call, const respond& done) {
  call.gateway.node.set_source_paused(call.path[0], true, answer_later(done, call.where.success));
}

void resume(const api_call& call, const respond& done) {
  call.gateway.node.set_source_paused(call.path[0], false, answer_later(done, call.where.success));
}

void remove(const api_call& call, const respond& done) {
  call.gateway.node.remove_source(call.path[0], answer_later(done, call.where.success));
}

void connectors(const api_call& call, const respond& done) {
  done(answer_rows(call, call.gateway.node.connector_kinds()));
}

}  // namespace

void add_source_routes(std::vector<route>& out) {
  out.push_back({.method = "GET",
                 .pattern = "/v1/sources",
                 .operation_id = "list_sources",
                 .tag = "sources",
                 .summary = "All sources with state, rate and lag, by name",
                 .query = page_parameters(),
                 .response = "source_list",
                 .row_list = true,
                 .handle = list});
  out.push_back({.method = "POST",
                 .pattern = "/v1/sources",
                 .operation_id = "add_sources",
                 .tag = "sources",
                 .summary = "Adds one source, or several that open together",
                 .request = "source_submission",
                 .success = 201,
                 .response = "done",
                 .handle = add});
  out.push_back({.method = "POST",
                 .pattern = "/v1/sources/test",
                 .operation_id = "test_source",
                 .tag = "sources",
                 .summary = "Tries a source without adding it: shows its first records, or why there are none",
                 .request = "source_test",
                 .response = "source_trial",
                 .handle = test});
  out.push_back({.method = "GET",
                 .pattern = "/v1/sources/{name}",
                 .operation_id = "get_source",
                 .tag = "sources",
                 .summary = "One source with options, position and last error",
                 .response = "source",
                 .handle = get});
  out.push_back({.method = "DELETE",
                 .pattern = "/v1/sources/{name}",
                 .operation_id = "remove_source",
                 .tag = "sources",
                 .summary = "Removes a source; its records stay",
                 .response = "done",
                 .handle = remove});
  out.push_back({.method = "POST",
                 .pattern = "/v1/sources/{name}/pause",
                 .operation_id = "pause_source",
                 .tag = "sources",
                 .summary = "Stops reading a source; it keeps its position",
                 .request = "no_arguments",
                 .body_optional = true,
                 .response = "done",
                 .handle = pause});
  out.push_back({.method = "POST",
                 .pattern = "/v1/sources/{name}/resume",
                 .operation_id = "resume_source",
                 .tag = "sources",
                 .summary = "Reads a paused source again",
                 .request = "no_arguments",
                 .body_optional = true,
                 .response = "done",
                 .handle = resume});
  out.push_back({.method = "GET",
                 .pattern = "/v1/connectors",
                 .operation_id = "list_connectors",
                 .tag = "sources",
                 .summary = "Kinds of sources and their options",
                 .response = "connector_list",
                 .row_list = true,
                 .handle = connectors});
}

}  // namespace weir

#include "actors/gateway/openapi.hpp"

#include <algorithm>

#include "actors/gateway/routes.hpp"
#include "actors/gateway/schemas.hpp"

namespace weir {
namespace {

using nlohmann::json;

json path_parameter(const std::string& name) {
  return {{"name", name}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}}}};
}

json query_parameter(const parameter& p) {
  json schema = p.repeated ? json{{"type", "array"}, {"items", p.schema}} : p.schema;
  return {{"name", p.name}, {"in", "query"}, {"description", p.description}, {"schema", std::move(schema)}};
}

json header_parameter(const parameter& p) {
  return {{"name", p.name}, {"in", "header"}, {"description", p.description}, {"schema", p.schema}};
}

json raw_body(const std::vector<std::string>& media) {
  json content = json::object();
  for (const auto& name : media) content[name] = {{"schema", json::object()}};
  return {{"required", true}, {"content", std::move(content)}};
}

json problem_response(const char* description) {
  return {{"description", description},
          {"content", {{"application/problem+json", {{"schema", schema_reference("problem")}}}}}};
}

json success_response(const route& r) {
  json out = {{"description", r.summary}};
  json& content = out["content"];
  if (r.response.empty() && r.response_media != "application/json") {
    content[r.response_media] = {{"schema", {{"type", "string"}}}};
  } else if (!r.response.empty()) {
    content[r.response_media] = {{"schema", schema_reference(r.response)}};
  }
  if (r.row_list) {
    for (const row_media media : {row_media::csv, row_media::ndjson}) {
      content[std::string(media_type(media))] = {{"schema", {{"type", "string"}}}};
    }
  }
  if (content.is_null()) out.erase("content");
  return out;
}

json operation(const route& r) {
  json out = {{"operationId", r.operation_id}, {"summary", r.summary}, {"tags", {r.tag}}};
  json parameters = json::array();
  for (const auto& name : path_parameters(r.pattern)) parameters.push_back(path_parameter(name));
  for (const auto& p : r.query) parameters.push_back(query_parameter(p));
  for (const auto& p : r.headers) parameters.push_back(header_parameter(p));
  if (!parameters.empty()) out["parameters"] = std::move(parameters);
  if (!r.request.empty()) {
    out["requestBody"] = {{"required", !r.body_optional},
                          {"content", {{"application/json", {{"schema", schema_reference(r.request)}}}}}};
  }
  if (!r.raw_request.empty()) out["requestBody"] = raw_body(r.raw_request);
  out["responses"] = {{std::to_string(r.success), success_response(r)},
                      {"default", problem_response("What went wrong, and what to do")}};
  if (r.need == access_need::open) {
    out["security"] = json::array();
  }
  return out;
}

}  // namespace

json openapi_description() {
  json paths = json::object();
  json tags = json::array();
  for (const route& r : routes()) {
    std::string method = r.method;
    std::transform(method.begin(), method.end(), method.begin(), [](char c) { return static_cast<char>(c | 0x20); });
    paths[r.pattern][method] = operation(r);
    if (std::find(tags.begin(), tags.end(), json{{"name", r.tag}}) == tags.end()) tags.push_back({{"name", r.tag}});
  }
  const json bearer = {{"type", "http"}, {"scheme", "bearer"}};
  return {{"openapi", "3.1.0"},
          {"info",
           {{"title", "weir"},
            {"version", "1"},
            {"description", "Streams, sources, views and pipelines of a weir node. Errors are RFC 9457 problems."},
            {"license", {{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}}},
          {"servers", {{{"url", "/"}}}},
          {"security", {{{"bearer", json::array()}}}},
          {"tags", std::move(tags)},
          {"paths", std::move(paths)},
          {"components", {{"schemas", schemas()}, {"securitySchemes", {{"bearer", bearer}}}}}};
}

}  // namespace weir

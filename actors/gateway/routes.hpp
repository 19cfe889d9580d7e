// The one table of routes. Dispatch, authentication, argument checks, OpenAPI and the tests' matrix all read it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "actors/gateway/gateway_options.hpp"
#include "actors/gateway/http_message.hpp"
#include "actors/gateway/node_api.hpp"
#include "actors/gateway/row_format.hpp"
#include "actors/gateway/url.hpp"

namespace weir {

class access_control;
class gateway_metrics;

// What every route may use; lives as long as the gateway.
struct gateway_context {
  node_api& node;
  const gateway_options& options;
  access_control& access;
  gateway_metrics& metrics;
};

struct route;

// One request that was admitted: its route is known, its arguments and body follow the route's description.
struct api_call {
  const gateway_context& gateway;
  const route& where;
  std::vector<std::string> path;  // values of the pattern's {parameters}, in order
  query_parameters query;
  nlohmann::json body;    // null when there is none
  http_request& request;  // with the body's bytes, which a route with `raw_request` may take
  row_media media = row_media::json;

  // The first value of a query parameter; empty when absent.
  std::string query_value(std::string_view name) const;
  result<page_request> page() const;
};

enum class access_need : std::uint8_t { open, token, token_unless_metrics_open };
enum class transport : std::uint8_t { rest, event_stream, websocket };

struct parameter {
  std::string name, description;
  nlohmann::json schema = {{"type", "string"}};
  bool repeated = false;  // may stand more than once
};

struct route {
  std::string method, pattern, operation_id, tag, summary;
  std::vector<parameter> query;          // parameters of the path follow from the pattern
  std::vector<parameter> headers;        // that mean something to this route, for the description
  std::string request;                   // schema of the body in schemas(); empty: none
  std::vector<std::string> raw_request;  // media types of a body that the route reads itself; then no schema
  bool body_optional = false;
  int success = 200;
  std::string response;  // schema of the answer; empty: no JSON
  std::string response_media = "application/json";
  bool row_list = false;  // also as CSV and NDJSON
  access_need need = access_need::token;
  transport over = transport::rest;
  std::string late_hint;  // what to do when the node has not answered in time; empty: the usual
  void (*handle)(const api_call&, const respond&) = nullptr;  // null for live routes
};

const std::vector<route>& routes();

struct route_match {
  const route* where = nullptr;
  std::vector<std::string> path;
  std::string allow;  // methods of this path, "GET, HEAD, POST, OPTIONS"; empty: no such path
};
route_match match_route(std::string_view method, const std::vector<std::string>& segments);

// Names of the pattern's parameters: "/v1/views/{name}/rows" has {"name"}.
std::vector<std::string> path_parameters(std::string_view pattern);

// Each file adds the routes of one kind of thing.
void add_node_routes(std::vector<route>& out);
void add_stream_routes(std::vector<route>& out);
void add_record_routes(std::vector<route>& out);
void add_source_routes(std::vector<route>& out);
void add_view_routes(std::vector<route>& out);
void add_pipeline_routes(std::vector<route>& out);
void add_dead_letter_routes(std::vector<route>& out);

// The parameters `limit` and `after`.
std::vector<parameter> page_parameters();
// A schema that allows these texts.
nlohmann::json one_of_texts(std::vector<std::string> texts);

// Answers with a node's JSON or with its error's problem.
http_response answer(const result<nlohmann::json>& from_node, int success = 200);
node_api::reply answer_later(const respond& done, int success);
// A list of items, in the media that the client asked for. `columns`: their order in CSV; empty: as they come.
http_response answer_rows(const api_call& call, const result<nlohmann::json>& page,
                          const std::vector<std::string>& columns = {});

}  // namespace weir

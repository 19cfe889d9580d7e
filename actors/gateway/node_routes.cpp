// The node itself: health, metrics, status, its description, SQL, and the keys that browsers get.
#include <chrono>

#include "actors/gateway/access.hpp"
#include "actors/gateway/gateway_metrics.hpp"
#include "actors/gateway/openapi.hpp"
#include "actors/gateway/problem.hpp"
#include "actors/gateway/routes.hpp"

namespace weir {
namespace {

// "[+]log ok" per check and a verdict, as Kubernetes' own servers write it; only the verdict unless asked or unwell.
http_response health_response(const health& state, bool verbose, std::string_view name) {
  http_response out{.status = state.ok ? 200 : 503, .content_type = "text/plain; charset=utf-8"};
  if (verbose || !state.ok) {
    for (const auto& [check, what] : state.checks) {
      out.body += fmt::format("{}{} {}\n", what == "ok" || what.starts_with("ok, ") ? "[+]" : "[-]", check, what);
    }
  }
  out.body += fmt::format("{} {}\n", name, state.ok ? "ok" : "failed");
  return out;
}

void live(const api_call& call, const respond& done) {
  const bool verbose = !call.query.empty();
  done(health_response(call.gateway.node.live(), verbose, "livez"));
}

void ready(const api_call& call, const respond& done) {
  const bool verbose = !call.query.empty();
  done(health_response(call.gateway.node.ready(), verbose, "readyz"));
}

void metrics(const api_call& call, const respond& done) {
  done({.content_type = "text/plain; version=0.0.4; charset=utf-8",
        .body = call.gateway.node.metrics_text() + call.gateway.metrics.text()});
}

void description(const api_call&, const respond& done) {
  static const std::string text = json_text(openapi_description());
  done({.body = text});
}

void node_status(const api_call& call, const respond& done) { done(json_response(call.gateway.node.node_status())); }

void sql(const api_call& call, const respond& done) {
  const auto table = call.gateway.node.query(call.body["query"].get_ref<const std::string&>());
  done(table ? table_response(call.media, *table, "sql") : problem(table.error()));
}

void make_ticket(const api_call& call, const respond& done) {
  auto& access = call.gateway.access;
  const auto ticket = access.make_ticket(access_control::clock::now());
  if (!ticket) return done(problem(ticket.error()));
  const double seconds = static_cast<double>(access.ticket_lifetime().count()) / 1000;
  done(json_response({{"ticket", *ticket}, {"expires_in_s", seconds}}, 201));
}

void make_session(const api_call& call, const respond& done) {
  http_response out{.status = 204, .content_type = ""};
  out.headers.emplace_back("Set-Cookie", call.gateway.access.make_session_cookie(access_control::clock::now()));
  done(std::move(out));
}

void add_open_routes(std::vector<route>& out) {
  const parameter verbose{"verbose", "One line per check.", {{"type", "string"}}};
  out.push_back({.method = "GET",
                 .pattern = "/livez",
                 .operation_id = "live",
                 .tag = "node",
                 .summary = "Whether the node makes progress; 503 when it does not",
                 .query = {verbose},
                 .response_media = "text/plain",
                 .need = access_need::open,
                 .handle = live});
  out.push_back({.method = "GET",
                 .pattern = "/readyz",
                 .operation_id = "ready",
                 .tag = "node",
                 .summary = "Whether everything that should run, runs; 503 when it does not",
                 .query = {verbose},
                 .response_media = "text/plain",
                 .need = access_need::open,
                 .handle = ready});
  out.push_back({.method = "GET",
                 .pattern = "/metrics",
                 .operation_id = "metrics",
                 .tag = "node",
                 .summary = "Counters and gauges in Prometheus' text format",
                 .response_media = "text/plain",
                 .need = access_need::token_unless_metrics_open,
                 .handle = metrics});
  out.push_back({.method = "GET",
                 .pattern = "/openapi.json",
                 .operation_id = "openapi",
                 .tag = "node",
                 .summary = "This description",
                 .response = "row",
                 .need = access_need::open,
                 .handle = description});
}

}  // namespace

void add_node_routes(std::vector<route>& out) {
  add_open_routes(out);
  out.push_back({.method = "GET",
                 .pattern = "/v1/status",
                 .operation_id = "node_status",
                 .tag = "node",
                 .summary = "Version, uptime, log and shards",
                 .response = "node_status",
                 .handle = node_status});
  out.push_back({.method = "POST",
                 .pattern = "/v1/sql",
                 .operation_id = "sql",
                 .tag = "views",
                 .summary = "Asks the views a question; the answer is their committed rows",
                 .request = "sql_request",
                 .response = "table",
                 .row_list = true,
                 .handle = sql});
  out.push_back({.method = "POST",
                 .pattern = "/v1/tickets",
                 .operation_id = "make_ticket",
                 .tag = "access",
                 .summary = "A key for one WebSocket or event stream, as ?ticket=",
                 .request = "no_arguments",
                 .body_optional = true,
                 .success = 201,
                 .response = "ticket",
                 .handle = make_ticket});
  out.push_back({.method = "POST",
                 .pattern = "/v1/sessions",
                 .operation_id = "make_session",
                 .tag = "access",
                 .summary = "Signs a browser in: the answer sets its cookie",
                 .request = "no_arguments",
                 .body_optional = true,
                 .success = 204,
                 .handle = make_session});
}

}  // namespace weir

#include "actors/gateway/problem.hpp"
#include "actors/gateway/routes.hpp"

namespace weir {
namespace {

std::vector<std::string> column_names(const result<nlohmann::json>& view) {
  std::vector<std::string> out;
  if (!view) return out;
  for (const auto& column : view->value("columns", nlohmann::json::array())) out.push_back(column.value("name", ""));
  return out;
}

result<row_query> row_query_of(const api_call& call) {
  row_query out;
  WEIR_TRY(page, call.page());
  out.page = std::move(page);
  for (const auto& [name, value] : call.query) {
    if (name == "from") out.from = value;
    if (name == "to") out.to = value;
    if (name == "order") out.newest_first = value == "newest";
    if (name != "key") continue;
    const auto colon = value.find(':');
    if (colon == 0 || colon == std::string::npos) {
      return fail(errc::invalid_argument, "key is '{}'; write key=column:value, once for each key column", value);
    }
    if (!out.key.emplace(value.substr(0, colon), value.substr(colon + 1)).second) {
      return fail(errc::invalid_argument, "key names the column '{}' twice", value.substr(0, colon));
    }
  }
  return out;
}

void list(const api_call& call, const respond& done) { done(answer_rows(call, call.gateway.node.list_views())); }

void get(const api_call& call, const respond& done) { done(answer(call.gateway.node.get_view(call.path[0]))); }

void rows(const api_call& call, const respond& done) {
  const auto query = row_query_of(call);
  if (!query) return done(problem(query.error()));
  auto& node = call.gateway.node;
  const auto columns =
      call.media == row_media::csv ? column_names(node.get_view(call.path[0])) : std::vector<std::string>();
  done(answer_rows(call, node.view_rows(call.path[0], *query), columns));
}

}  // namespace

void add_view_routes(std::vector<route>& out) {
  out.push_back({.method = "GET",
                 .pattern = "/v1/views",
                 .operation_id = "list_views",
                 .tag = "views",
                 .summary = "All views",
                 .response = "view_list",
                 .row_list = true,
                 .handle = list});
  out.push_back({.method = "GET",
                 .pattern = "/v1/views/{name}",
                 .operation_id = "get_view",
                 .tag = "views",
                 .summary = "One view with its columns, key and SQL",
                 .response = "view",
                 .handle = get});
  auto parameters = page_parameters();
  parameters.push_back(
      {.name = "key", .description = "column:value; the first key columns, exactly", .repeated = true});
  parameters.push_back({"from", "Least value of the key column that follows those of `key`."});
  parameters.push_back({"to", "Its values end before this one."});
  parameters.push_back({"order", "By key (default), or the newest rows first.", one_of_texts({"key", "newest"})});
  out.push_back({.method = "GET",
                 .pattern = "/v1/views/{name}/rows",
                 .operation_id = "view_rows",
                 .tag = "views",
                 .summary = "Committed rows of a view",
                 .query = std::move(parameters),
                 .response = "row_list",
                 .row_list = true,
                 .handle = rows});
  const parameter from{"from", "now (default), start, or the token to resume after."};
  const parameter ticket{"ticket", "A ticket of /v1/tickets, where no header can be set."};
  out.push_back({.method = "GET",
                 .pattern = "/v1/views/{name}/live",
                 .operation_id = "view_events",
                 .tag = "views",
                 .summary = "Rows as they are committed, as server-sent events; the header Last-Event-ID resumes",
                 .query = {from, ticket},
                 .response = "live_batch",
                 .response_media = "text/event-stream",
                 .over = transport::event_stream});
  out.push_back({.method = "GET",
                 .pattern = "/v1/live",
                 .operation_id = "live_socket",
                 .tag = "views",
                 .summary = "A WebSocket with many subscriptions: {\"op\":\"subscribe\",\"id\":\"a\",\"view\":\"v\","
                            "\"from\":\"now\"}, {\"op\":\"unsubscribe\",\"id\":\"a\"}, {\"op\":\"ping\"}",
                 .query = {ticket},
                 .success = 101,
                 .over = transport::websocket});
}

}  // namespace weir

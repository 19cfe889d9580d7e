#include "actors/gateway/request_handler.hpp"

#include <algorithm>

#include "actors/gateway/json_check.hpp"
#include "actors/gateway/problem.hpp"
#include "actors/gateway/record_body.hpp"
#include "actors/gateway/schemas.hpp"

namespace weir {
namespace {

http_response options_response(const std::string& allow) {
  http_response out{.status = 204, .content_type = ""};
  out.headers.emplace_back("Allow", allow);
  out.headers.emplace_back("Access-Control-Allow-Methods", allow);
  out.headers.emplace_back("Access-Control-Allow-Headers",
                           "Authorization, Content-Type, Content-Encoding, Idempotency-Key, Last-Event-ID");
  out.headers.emplace_back("Access-Control-Max-Age", "600");
  return out;
}

http_response wrong_method(const http_request& request, const std::string& allow) {
  error what{errc::invalid_argument, fmt::format("{} is not for {}", request.method, request.path),
             "use one of " + allow};
  http_response out = problem(405, what);
  out.headers.emplace_back("Allow", allow);
  return out;
}

status check_query(const route& where, const query_parameters& query) {
  for (auto given = query.begin(); given != query.end(); ++given) {
    const auto& [name, value] = *given;
    const auto known = std::find_if(where.query.begin(), where.query.end(),
                                    [&](const parameter& p) { return p.name == given->first; });
    if (known == where.query.end()) {
      std::string names;
      for (const auto& p : where.query) names += (names.empty() ? "" : ", ") + p.name;
      return fail(errc::invalid_argument, "{} has no parameter '{}'; it has {}", where.pattern, name,
                  names.empty() ? "none" : names);
    }
    const bool again =
        std::any_of(query.begin(), given, [&](const auto& before) { return before.first == given->first; });
    if (again && !known->repeated) return fail(errc::invalid_argument, "the parameter '{}' stands twice", name);
    if (known->schema.contains("enum")) {
      if (auto wrong = check_json(value, known->schema); !wrong) {
        return fail(errc::invalid_argument, "the parameter '{}': {}", name, wrong.error().message);
      }
    }
  }
  return {};
}

result<row_media> choose_row_media(const route& where, const http_request& request) {
  if (where.over == transport::websocket) return row_media::json;
  std::vector<std::string_view> offered{where.response_media};
  if (where.row_list)
    offered = {media_type(row_media::json), media_type(row_media::csv), media_type(row_media::ndjson)};
  const auto chosen = choose_media(request.accept, offered);
  if (chosen) return static_cast<row_media>(*chosen);
  // Plain texts go out whatever was asked for, as problems do.
  if (where.response.empty()) return row_media::json;
  return with_hint(fail(errc::invalid_argument, "{} is not written as '{}'", where.pattern, request.accept),
                   fmt::format("accept {}", fmt::join(offered, ", ")));
}

result<nlohmann::json> body_of(const route& where, const http_request& request) {
  if (where.request.empty() || (where.body_optional && request.body.empty())) return nlohmann::json();
  WEIR_TRY(body, parse_json(request.body));
  WEIR_TRY_VOID(check_json(body, schemas()[where.request]));
  return body;
}

}  // namespace

admission request_handler::admit(const http_request& request, access_control::clock::time_point now) const {
  admission out;
  if (auto address = context_.access.check_address(request); !address) {
    out.answer = problem(address.error());
    return out;
  }
  auto segments = split_path(request.path);
  auto query = parse_query(request.query);
  if (!segments || !query) {
    out.answer = problem(!segments ? segments.error() : query.error());
    return out;
  }
  route_match match = match_route(request.method, *segments);
  if (match.where == nullptr) {
    out.answer = without_route(request, match, *query, *segments, now);
    return out;
  }
  out.where = match.where;
  out.path = std::move(match.path);
  out.query = std::move(*query);
  out.answer = refuse_credential(request, out, now);
  if (out.answer) return out;
  if (auto known = check_query(*out.where, out.query); !known) {
    out.answer = problem(known.error());
    return out;
  }
  if (const auto media = choose_row_media(*out.where, request)) {
    out.media = *media;
  } else {
    out.answer = problem(406, media.error());
  }
  return out;
}

http_response request_handler::without_route(const http_request& request, const route_match& match,
                                             const query_parameters& query, const std::vector<std::string>& segments,
                                             access_control::clock::time_point now) const {
  if (request.method == "OPTIONS" && !match.allow.empty()) return options_response(match.allow);
  if (!match.allow.empty()) return wrong_method(request, match.allow);
  if (segments.empty() && request.method == "GET" && !query.empty() && query.front().first == "token") {
    return sign_in(query.front().second, now);
  }
  if (auto file = files_.find(segments)) {
    constexpr const char* allow = "GET, HEAD, OPTIONS";
    if (request.method == "OPTIONS") return options_response(allow);
    return request.method == "GET" ? std::move(*file) : wrong_method(request, allow);
  }
  return problem(error{errc::not_found, fmt::format("there is nothing at '{}'", request.path),
                       "GET /openapi.json tells what there is"});
}

http_response request_handler::sign_in(const std::string& token, access_control::clock::time_point now) const {
  if (!context_.access.token_matches(token)) {
    ++context_.metrics.auth_refused;
    return problem(401, {errc::permission_denied, "this is not the node's token",
                         "open the address that the node printed at its start"});
  }
  http_response out{.status = 303, .content_type = ""};
  out.headers.emplace_back("Location", "/");
  out.headers.emplace_back("Set-Cookie", context_.access.make_session_cookie(now));
  return out;
}

std::optional<http_response> request_handler::refuse_credential(const http_request& request, const admission& admitted,
                                                                access_control::clock::time_point now) const {
  const access_need need = admitted.where->need;
  if (need == access_need::open) return std::nullopt;
  if (need == access_need::token_unless_metrics_open && context_.options.metrics_open) return std::nullopt;
  const bool live = admitted.where->over != transport::rest;
  const credential shown = context_.access.authenticate(request, admitted.query, live, now);
  if (shown == credential::none) {
    ++context_.metrics.auth_refused;
    return problem(401, {errc::permission_denied, "this needs the node's token",
                         "send 'Authorization: Bearer <token>'; the token is in the node's data folder"});
  }
  if (shown != credential::session) return std::nullopt;
  if (auto allowed = context_.access.check_cookie_use(request); !allowed) {
    ++context_.metrics.auth_refused;
    return problem(allowed.error());
  }
  return std::nullopt;
}

void request_handler::handle(const admission& admitted, http_request& request, const respond& done) const {
  const route& where = *admitted.where;
  const bool has_body = !where.request.empty() && !(where.body_optional && request.body.empty());
  if (has_body && media_essence(request.content_type) != "application/json") {
    return done(problem(415, {errc::invalid_argument, fmt::format("the body is '{}'", request.content_type),
                              "send JSON with 'Content-Type: application/json'"}));
  }
  auto body = body_of(where, request);
  if (!body) return done(problem(body.error()));
  where.handle({context_, where, admitted.path, admitted.query, std::move(*body), request, admitted.media}, done);
}

void request_handler::complete(http_response& out, const http_request& request, const route* where) const {
  const auto has = [&](std::string_view name) {
    return std::any_of(out.headers.begin(), out.headers.end(),
                       [&](const auto& header) { return header.first == name; });
  };
  if (!has("Cache-Control")) out.headers.emplace_back("Cache-Control", "no-store");
  out.headers.emplace_back("X-Content-Type-Options", "nosniff");
  out.headers.emplace_back("Referrer-Policy", "no-referrer");
  out.headers.emplace_back("Content-Security-Policy",
                           "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'");
  if (context_.access.origin_allowed(request)) {
    out.headers.emplace_back("Access-Control-Allow-Origin", request.origin);
    out.headers.emplace_back("Access-Control-Expose-Headers", "Weir-Next");
    out.headers.emplace_back("Vary", "Origin");
  }
  context_.metrics.count_request(where, out.status);
}

}  // namespace weir

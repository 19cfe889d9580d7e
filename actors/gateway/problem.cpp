#include "actors/gateway/problem.hpp"

#include <algorithm>

namespace weir {

int http_status(errc code) {
  switch (code) {
    case errc::invalid_argument:
    case errc::parse_error: return 400;
    case errc::permission_denied: return 403;
    case errc::not_found: return 404;
    case errc::already_exists:
    case errc::conflict: return 409;
    case errc::offset_out_of_range: return 410;
    case errc::unsupported:
    case errc::rejected: return 422;
    case errc::limit_exceeded: return 429;
    case errc::fenced:
    case errc::unknown_outcome:
    case errc::unavailable:
    case errc::cancelled: return 503;
    case errc::timeout: return 504;
    case errc::no_space: return 507;
    case errc::io_error:
    case errc::corrupt:
    case errc::thrown:
    case errc::internal: return 500;
  }
  return 500;
}

nlohmann::json problem_json(int http_status, const error& what) {
  const std::string code(to_string(what.code));
  std::string title = code;
  std::replace(title.begin(), title.end(), '_', ' ');
  nlohmann::json out = {{"type", "urn:weir:error:" + code},
                        {"title", title},
                        {"status", http_status},
                        {"detail", what.message},
                        {"code", code}};
  if (!what.hint.empty()) out["hint"] = what.hint;
  return out;
}

std::string json_text(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

http_response problem(int http_status, const error& what) {
  http_response out{.status = http_status, .content_type = "application/problem+json"};
  out.body = json_text(problem_json(http_status, what));
  if (http_status == 401) out.headers.emplace_back("WWW-Authenticate", "Bearer");
  if (http_status == 503) out.headers.emplace_back("Retry-After", "1");
  return out;
}

http_response problem(const error& what) { return problem(http_status(what.code), what); }

http_response json_response(const nlohmann::json& value, int http_status) {
  return {.status = http_status, .body = json_text(value)};
}

}  // namespace weir

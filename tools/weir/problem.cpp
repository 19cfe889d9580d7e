#include "tools/weir/problem.hpp"

namespace weir::cli {

namespace {

constexpr std::size_t max_quoted_bytes = 300;

errc code_of(int status) {
  switch (status) {
    case 400: return errc::invalid_argument;
    case 401:
    case 403: return errc::permission_denied;
    case 404: return errc::not_found;
    case 408:
    case 504: return errc::timeout;
    case 409: return errc::conflict;
    case 413:
    case 429: return errc::limit_exceeded;
    case 503: return errc::rejected;
    default: return status < 500 ? errc::invalid_argument : errc::internal;
  }
}

std::string hint_of(int status, const endpoint& node) {
  if (status == 401 && node.token.empty()) {
    return "no token was given: use --token, --token-file, WEIR_TOKEN, or --node-file with the node's data/node.json";
  }
  if (status == 401) return "the token is not this node's; the right one stands in its data/node.json";
  if (status == 503) return "try again in a moment; `weir status` tells what is wrong";
  return {};
}

std::string text_at(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

error error_of(const response& answer, const endpoint& node) {
  error e{code_of(answer.status), {}, {}};
  if (const auto problem = json::parse(answer.body, nullptr, false); problem.is_object()) {
    e.message = text_at(problem, "detail");
    if (e.message.empty()) e.message = text_at(problem, "title");
    e.hint = text_at(problem, "hint");
  }
  if (e.message.empty()) {
    e.message = fmt::format("{} answered with status {}", node.url(), answer.status);
    if (!answer.body.empty()) e.message += ": " + answer.body.substr(0, max_quoted_bytes);
  }
  if (e.hint.empty()) e.hint = hint_of(answer.status, node);
  return e;
}

result<json> json_of(const response& answer, const endpoint& node) {
  if (answer.status >= 400) return fail(error_of(answer, node));
  if (answer.body.empty()) return json();
  auto parsed = json::parse(answer.body, nullptr, false);
  if (parsed.is_discarded()) {
    return with_hint(fail(errc::parse_error, "{} answered with status {}, but not with JSON: {}", node.url(),
                          answer.status, answer.body.substr(0, max_quoted_bytes)),
                     "is this address a weir node?");
  }
  return parsed;
}

json items_of(const json& answer) {
  if (answer.is_array()) return answer;
  const auto items = answer.is_object() ? answer.find("items") : answer.end();
  return items != answer.end() && items->is_array() ? *items : json::array();
}

error unreachable(const endpoint& node, const std::string& why) {
  return {errc::unavailable, fmt::format("cannot reach a node at {} ({}): {}", node.url(), node.found, why),
          "start one with tools/run, or name another with --url, WEIR_URL or --node-file"};
}

}  // namespace weir::cli

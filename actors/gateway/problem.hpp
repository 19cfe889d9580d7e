// Errors as RFC 9457 problem details; the one place where an errc becomes an HTTP status.
#pragma once

#include <nlohmann/json.hpp>

#include "actors/gateway/http_message.hpp"
#include "runtime/result.hpp"

namespace weir {

int http_status(errc code);

// {"type","title","status","detail","hint","code"}.
http_response problem(const error& what);
http_response problem(int http_status, const error& what);

// The same members without a response around them, for live messages.
nlohmann::json problem_json(int http_status, const error& what);

// JSON text; bytes that are no UTF-8 become U+FFFD, so an answer never fails for its text.
std::string json_text(const nlohmann::json& value);

http_response json_response(const nlohmann::json& value, int http_status = 200);

}  // namespace weir

// What a node's answer means: its JSON, or the error that its problem details (RFC 9457) tell.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "runtime/result.hpp"
#include "tools/weir/endpoint.hpp"

namespace weir::cli {

using json = nlohmann::ordered_json;  // keeps the node's order of keys

struct response {
  int status = 0;
  std::string body;
};

// The body's JSON (null when empty); parse_error when it is none; error_of for a status of 400 and above.
result<json> json_of(const response& answer, const endpoint& node);

// The error that a status of 400 and above stands for, with the node's own words and hint.
error error_of(const response& answer, const endpoint& node);

// The items of a list answer: {"items":[...]}, or a plain array; else empty.
json items_of(const json& answer);

error unreachable(const endpoint& node, const std::string& why);

}  // namespace weir::cli

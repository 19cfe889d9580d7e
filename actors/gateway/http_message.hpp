// A request and an answer as the routes see them: no sockets, no Beast.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir {

struct http_request {
  std::string method;  // "GET"; HEAD comes as GET with `head` set
  std::string path;    // percent-encoded, without the query
  std::string query;   // what follows '?', encoded
  bool head = false;
  bool upgrade = false;  // asks for a WebSocket
  std::string host, origin, sec_fetch_site, authorization, cookie, accept, content_type, last_event_id;
  std::string content_encoding, idempotency_key;
  std::string body;
};

struct http_response {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

// Called once, from any thread.
using respond = std::function<void(http_response)>;

}  // namespace weir

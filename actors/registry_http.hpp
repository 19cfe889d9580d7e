// Requests to a schema registry, one connection each: its answers are asked for once and kept.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "runtime/result.hpp"

namespace weir {

struct registry_place {
  std::string host, port, path;  // the path without a slash at its end
  bool tls = false;
  std::string ca;             // with tls: certificates (PEM) that its own must lead to; empty: the system's
  std::string authorization;  // the header's value; empty: none
};
// Of "http://host:port/path" or "https://..."; invalid_argument or unsupported for what is none.
result<registry_place> parse_registry_place(std::string_view url);
// The header's value for a user with a password.
std::string basic_authorization(std::string_view user, std::string_view password);

struct registry_request {
  std::string_view method;  // GET, POST, PUT
  std::string target;       // below the place's path
  std::string body;         // JSON; empty: none
};
struct registry_answer {
  unsigned status = 0;
  std::string body;
};
// unavailable, timeout: it may answer later. Whatever it answers is no error here.
result<registry_answer> ask_registry(const registry_place& to, const registry_request& what,
                                     std::chrono::milliseconds timeout);

// A text as a part of a path.
std::string path_escaped(std::string_view text);

}  // namespace weir

// What happens to a request, without sockets: it is admitted by its header alone (address, route, credential,
// arguments, media), and only then its body is read and the route called.
#pragma once

#include <chrono>
#include <optional>

#include "actors/gateway/access.hpp"
#include "actors/gateway/dashboard_files.hpp"
#include "actors/gateway/gateway_metrics.hpp"
#include "actors/gateway/routes.hpp"

namespace weir {

struct admission {
  const route* where = nullptr;  // null when refused before, and for the page's files
  std::vector<std::string> path;
  query_parameters query;
  row_media media = row_media::json;
  std::optional<http_response> answer;  // known already: a refusal, a redirect, a file of the page
};

class request_handler {
 public:
  request_handler(const gateway_context& context, const dashboard_files& files) : context_(context), files_(files) {}

  admission admit(const http_request& request, access_control::clock::time_point now) const;

  // For admitted REST routes, with the body read. `done` is called once, from any thread, perhaps before this returns.
  // Takes the request's body.
  void handle(const admission& admitted, http_request& request, const respond& done) const;

  // Headers that every answer has, and the count of it.
  void complete(http_response& out, const http_request& request, const route* where) const;

 private:
  http_response without_route(const http_request& request, const route_match& match, const query_parameters& query,
                              const std::vector<std::string>& segments, access_control::clock::time_point now) const;
  http_response sign_in(const std::string& token, access_control::clock::time_point now) const;
  std::optional<http_response> refuse_credential(const http_request& request, const admission& admitted,
                                                 access_control::clock::time_point now) const;

  const gateway_context& context_;
  const dashboard_files& files_;
};

}  // namespace weir

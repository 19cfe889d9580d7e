// Who may talk to the gateway. Four ways to show the right to, all from the one token:
//  - `Authorization: Bearer <token>`: programs.
//  - a session cookie: browsers. The page is opened once as /?token=<token> (or the token is typed into the page, which
//    posts it to /v1/sessions); the server answers with a cookie (HttpOnly: no script reads it; SameSite=Strict: no
//    other site's request carries it) and a redirect to /, so that the token leaves the address bar and the history.
//    The cookie is a time and a signature made with the token, so it outlives a restart of the node; another token
//    ends all sessions. Cookies are not bound to a port, so the cookie's name holds the node's.
//  - a ticket from POST /v1/tickets, as ?ticket=...: WebSocket and event streams of programs in browsers that hold the
//    token but can set no header there. Good once and for seconds only, since URLs end up in logs.
//  - nothing, on routes that are open.
// Against web pages of others: the Host header must be a name of this node (DNS rebinding), an Origin header must be
// the node's own or allowed, and what a cookie alone would permit needs that Origin when it changes or streams
// something.
#pragma once

#include <chrono>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "actors/gateway/gateway_options.hpp"
#include "actors/gateway/http_message.hpp"
#include "actors/gateway/url.hpp"

namespace weir {

// 32 random bytes as 43 URL-safe characters.
result<std::string> random_token();

// Reads the token from a file, or makes one and writes it there, readable by its owner only.
result<std::string> token_from_file(const std::string& path);

// Compares in a time that does not depend on where the texts differ.
bool same_secret(std::string_view a, std::string_view b);

// Random keys that are good until a time; the oldest goes when there are too many.
class secret_set {
 public:
  using clock = std::chrono::system_clock;
  secret_set(std::size_t max_size, std::chrono::milliseconds lifetime) : max_size_(max_size), lifetime_(lifetime) {}

  result<std::string> make(clock::time_point now);
  bool contains(std::string_view secret, clock::time_point now);
  bool take(std::string_view secret, clock::time_point now);  // contains, and then no more
  std::chrono::milliseconds lifetime() const { return lifetime_; }

 private:
  bool find(std::string_view secret, clock::time_point now, bool remove);

  std::mutex mutex_;
  std::size_t max_size_;
  std::chrono::milliseconds lifetime_;
  std::deque<std::pair<std::string, clock::time_point>> members_;  // oldest first
};

enum class credential : std::uint8_t { none, bearer, session, ticket };

class access_control {
 public:
  using clock = std::chrono::system_clock;
  // `port`: where the server listens, for the cookie's name.
  access_control(const gateway_options& options, std::uint16_t port);

  // Host and Origin. invalid_argument: no Host; permission_denied: not one of ours.
  status check_address(const http_request& request) const;
  bool origin_allowed(const http_request& request) const;  // an Origin of allowed_origins, not the node's own

  // What the request shows. A ticket is taken only where `ticket_counts`, and is then used up.
  credential authenticate(const http_request& request, const query_parameters& query, bool ticket_counts,
                          clock::time_point now);
  // A cookie is enough only for requests that this node's own page made.
  status check_cookie_use(const http_request& request) const;

  bool token_matches(std::string_view token) const { return same_secret(token, token_); }
  std::string make_session_cookie(clock::time_point now) const;  // the Set-Cookie value
  result<std::string> make_ticket(clock::time_point now) { return tickets_.make(now); }
  std::chrono::milliseconds ticket_lifetime() const { return tickets_.lifetime(); }

 private:
  bool host_known(std::string_view host) const;
  std::string signature(std::string_view expiry) const;
  bool session_valid(std::string_view cookie, clock::time_point now) const;

  std::string token_, host_, cookie_name_;
  std::vector<std::string> allowed_hosts_, allowed_origins_;
  std::chrono::milliseconds session_lifetime_;
  secret_set tickets_;
};

}  // namespace weir

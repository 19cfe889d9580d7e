// What a gateway is told at its start. Every number is a limit; tests/actors/gateway goes past each of them.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "runtime/config/config.hpp"
#include "runtime/result.hpp"

namespace weir {

struct gateway_options {
  std::string host = "127.0.0.1";            // an address or name of this machine
  std::uint16_t port = 0;                    // 0: a free one, see gateway::port()
  std::string token;                         // what clients send as bearer token; must not be empty
  std::vector<std::string> allowed_hosts;    // Host headers beside the loopback names and `host`
  std::vector<std::string> allowed_origins;  // web origins beside the node's own
  bool metrics_open = false;                 // /metrics without a token
  std::string ui_dir;                        // the page's files from this folder instead of the program; for its makers
  int threads = 1;

  std::size_t max_connections = 1'024;        // more are refused with 503
  std::size_t max_header_bytes = 16 << 10;    // a request's header; 431 above
  std::size_t max_request_bytes = 4 << 20;    // a request's body; 413 above
  std::size_t max_inflated_bytes = 16 << 20;  // a body of records, when its gzip is inflated; 413 above
  std::size_t max_request_lines = 100'000;    // of a body of records; 413 above
  std::size_t max_page_rows = 10'000;         // `limit` of a page
  std::size_t max_tickets = 1'024;            // tickets not used yet; the oldest goes first

  std::size_t max_subscriptions = 256;                // of all clients
  std::size_t max_subscriptions_per_connection = 32;  // of one WebSocket
  std::size_t max_message_bytes = 16 << 10;           // one WebSocket message from a client
  std::size_t max_batch_rows = 500;                   // rows of one live message
  std::size_t max_batch_bytes = 256 << 10;            // its size, from which it ends
  std::uint64_t max_backlog_rows = 100'000;           // rows a client may be behind; then they are shed

  std::chrono::milliseconds header_timeout{10'000};   // from a request's first byte to its header's last
  std::chrono::milliseconds body_timeout{30'000};     // the same for its body
  std::chrono::milliseconds idle_timeout{60'000};     // silence between requests, or of a WebSocket client
  std::chrono::milliseconds write_timeout{10'000};    // for a client to take a part of an answer
  std::chrono::milliseconds command_timeout{30'000};  // for the node to answer a command
  std::chrono::milliseconds heartbeat{15'000};        // comments on a silent event stream
  std::chrono::milliseconds ticket_lifetime{30'000};
  std::chrono::milliseconds session_lifetime{12 * 3'600'000};
  std::chrono::milliseconds stop_timeout{3'000};  // requests under way may take this long when the gateway stops
};

// invalid_argument names the option and what is allowed.
status check(const gateway_options& options);

// The [gateway] section of config.toml.
gateway_options options_of(const gateway_config& config);

}  // namespace weir

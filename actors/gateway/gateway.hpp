// The HTTP server of a node: REST, WebSocket, server-sent events, metrics, health and the page's files, over a
// node_api.
#pragma once

#include <cstdint>
#include <memory>

#include "actors/gateway/gateway_options.hpp"
#include "actors/gateway/node_api.hpp"
#include "runtime/result.hpp"

namespace weir {

class gateway_metrics;

class gateway {
 public:
  // Listens and serves on threads of its own. `node` must live until stop() has returned.
  // Errors: invalid_argument (an option), io_error (the address cannot be listened on).
  static result<std::unique_ptr<gateway>> start(gateway_options options, node_api& node);
  ~gateway();  // stops
  gateway(const gateway&) = delete;
  gateway& operator=(const gateway&) = delete;

  // Takes no more connections, lets requests under way finish for at most options.stop_timeout, tells live clients
  // that it goes away, and joins its threads. May be called more than once.
  void stop();

  std::uint16_t port() const;
  const gateway_metrics& metrics() const;

 private:
  class impl;
  explicit gateway(std::unique_ptr<impl> running);

  std::unique_ptr<impl> impl_;
};

}  // namespace weir

// HTTP to one node: one request at a time, JSON both ways, and server-sent events.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "runtime/result.hpp"
#include "tools/weir/endpoint.hpp"
#include "tools/weir/problem.hpp"
#include "tools/weir/sse_reader.hpp"
#include "tools/weir/target.hpp"

namespace weir::cli {

class api_client {
 public:
  api_client(endpoint node, std::chrono::milliseconds timeout, const std::atomic<bool>& stopped);

  // Errors: unavailable (no connection), timeout, cancelled (Ctrl-C); else what the node answered, with its hint.
  result<json> get(const target& where);
  result<json> post(const target& where, const json& body);
  result<json> remove(const target& where);

  // The answer as it is, whatever its status.
  result<response> send(std::string_view method, const target& where, std::string_view body);

  // Hands events to `take` until it returns false (then ok) or the connection ends (then unavailable). A refusal is
  // the node's error. Silence longer than `silence` counts as the connection's end.
  status follow(const target& where, std::chrono::milliseconds silence,
                const std::function<bool(const sse_event&)>& take);

  const endpoint& node() const { return node_; }

 private:
  endpoint node_;
  std::chrono::milliseconds timeout_;
  const std::atomic<bool>& stopped_;
};

}  // namespace weir::cli

// Bodies of records to one node, over a connection that stays open between them.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string_view>

#include "runtime/result.hpp"
#include "tools/weir/endpoint.hpp"
#include "tools/weir/problem.hpp"
#include "tools/weir/target.hpp"

namespace weir::cli {

struct record_request {
  std::string_view content_type, body;
  std::string_view key;  // Idempotency-Key; empty: none
};

class record_client {
 public:
  record_client(endpoint node, std::chrono::milliseconds timeout, const std::atomic<bool>& stopped);
  ~record_client();
  record_client(const record_client&) = delete;
  record_client& operator=(const record_client&) = delete;

  // The answer as it is, whatever its status. After an error the next call connects anew: whether the records arrived
  // is then not known.
  result<response> post(const target& where, const record_request& request);
  const endpoint& node() const { return node_; }

 private:
  endpoint node_;
  std::chrono::milliseconds timeout_;
  const std::atomic<bool>& stopped_;
  std::unique_ptr<class http_connection> kept_;
};

}  // namespace weir::cli

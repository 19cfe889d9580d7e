// Batches as POSTs to a node, each with a key of its own: sent again after a broken connection or a "not now", their
// records enter once.
#pragma once

#include <atomic>
#include <chrono>
#include <string>

#include "tools/weir/record_client.hpp"
#include "tools/weir_simulate/delivery.hpp"

namespace weir::simulate {

struct http_options {
  cli::endpoint node;
  std::string stream;
  std::string source;                          // empty: the stream's virtual sources
  std::string key;                             // of this run; a batch's key is key-instrument-number
  std::chrono::milliseconds timeout{30'000};   // for one answer
  std::chrono::milliseconds patience{60'000};  // for one batch with all its repetitions
};

class http_delivery final : public delivery {
 public:
  http_delivery(http_options options, const std::atomic<bool>& stopped);
  result<delivered> send(const record_batch& batch) override;

 private:
  http_options options_;
  const std::atomic<bool>& stopped_;
  cli::record_client client_;
};

}  // namespace weir::simulate

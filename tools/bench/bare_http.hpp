// The bare HTTP loop: Beast reads requests with their bodies and answers 200, on one thread: the least a POST takes.
// takes.
#pragma once

#include <cstdint>
#include <memory>
#include <thread>

namespace weir::bench {

class bare_http {
 public:
  bare_http();  // listens on a free port of the loopback
  ~bare_http();
  std::uint16_t port() const;
  double cpu_s() const;  // so far

 private:
  struct inside;
  std::unique_ptr<inside> inside_;
  std::thread thread_;
};

}  // namespace weir::bench

// A client that publishes, for programs that play instruments: blocking, one thread, QoS 1.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/source/mqtt/mqtt_options.hpp"
#include "actors/source/mqtt/socket.hpp"

namespace weir::mqtt {

struct publisher_options {
  broker_address broker;
  std::optional<tls_options> tls;
  connect_packet connect;
  std::uint16_t window = 100;                 // messages on the way that are not confirmed yet
  std::chrono::milliseconds timeout{10'000};  // for the connection, and for any sign of the broker after it
};

class publisher {
 public:
  // Connected when it returns. Errors say why not, as a source's do.
  static result<std::unique_ptr<publisher>> open(publisher_options options);
  ~publisher();

  // Sends one message a payload from number `confirmed` on and returns when the broker has confirmed the last. Counts
  // `confirmed` up as they are, also when it fails.
  status send(const std::string& topic, const std::vector<std::string_view>& payloads, std::size_t& confirmed);

 private:
  struct inside;
  explicit publisher(std::unique_ptr<inside> made);
  std::unique_ptr<inside> inside_;
};

}  // namespace weir::mqtt

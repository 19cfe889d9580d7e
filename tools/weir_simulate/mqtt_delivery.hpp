// Batches as MQTT messages, one a record, QoS 1: sent again after a broken connection, so they come at least once.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "actors/source/mqtt/publisher.hpp"
#include "tools/weir_simulate/delivery.hpp"

namespace weir::simulate {

struct mqtt_delivery_options {
  mqtt::publisher_options broker;
  std::string topic;
  std::chrono::milliseconds patience{60'000};  // for one batch with all its repetitions
};

// What a user says of a broker.
struct mqtt_flags {
  std::string url, topic, username, password_file, ca_file, version = "5";
};
// invalid_argument, not_found: what is wrong with them, or with a file.
result<mqtt_delivery_options> read_flags(const mqtt_flags& flags, const std::string& client_id);

class mqtt_delivery final : public delivery {
 public:
  mqtt_delivery(mqtt_delivery_options options, const std::atomic<bool>& stopped)
      : options_(std::move(options)), stopped_(stopped) {}
  // Returns when the broker has confirmed every message. unsupported: CSV, whose header no message brings.
  result<delivered> send(const record_batch& batch) override;

 private:
  status send_some(const std::vector<std::string_view>& messages, std::size_t& confirmed);

  mqtt_delivery_options options_;
  const std::atomic<bool>& stopped_;
  std::unique_ptr<mqtt::publisher> to_;
};

}  // namespace weir::simulate

// A real mosquitto, a client that publishes to it, and the bare consumer: MQTT 3.1.1 with QoS 1, and of that only what
// a benchmark needs.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tools/bench/child_process.hpp"
#include "tools/bench/sent_records.hpp"

namespace weir::bench {

// Bounds neither what waits for a consumer nor what is on the way to it.
class mosquitto {
 public:
  explicit mosquitto(const std::filesystem::path& folder);  // throws when it is not installed
  std::uint16_t port() const { return port_; }
  double cpu_s() const { return process_->cpu_s(); }

 private:
  std::uint16_t port_;
  std::optional<child_process> process_;
};

// Publishes on the caller's thread and returns when the broker has confirmed all. `consumed`: records that the consumer
// has; without a rate the client is at most `most_ahead` records ahead of it.
load_result publish_records(std::uint16_t port, const std::string& topic, const load& what,
                            const std::function<std::uint64_t()>& consumed);

// The bare consumer: subscribes, acknowledges each message as it comes, counts; one thread. The least that MQTT takes.
class bare_consumer {
 public:
  bare_consumer(std::uint16_t port, const std::string& topic);
  ~bare_consumer();
  bare_consumer(const bare_consumer&) = delete;
  bare_consumer& operator=(const bare_consumer&) = delete;

  std::uint64_t received() const { return received_; }
  double cpu_s() const;  // so far; not after finish()
  // Ages of the records that pass the filter, in microseconds, ascending.
  std::vector<std::int64_t> finish();

 private:
  void work();
  std::size_t take(std::string_view bytes, std::string& acknowledgements);
  void take_message(std::string_view packet, std::string& acknowledgements);

  int socket_ = -1;
  std::atomic<bool> ending_{false};
  std::atomic<std::uint64_t> received_{0};
  std::vector<std::int64_t> ages_us_;
  std::thread thread_;
};

}  // namespace weir::bench

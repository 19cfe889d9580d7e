// Simulated instruments that send for a time: each on a thread and a connection of its own, at a steady rate, bounded
// in records and in time.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "actors/source/simulated_instrument.hpp"
#include "tools/weir_simulate/delivery.hpp"

namespace weir::simulate {

struct simulation_options {
  const instrument_kind* kind = nullptr;
  std::uint64_t instruments = 1;
  double rate = 0;          // records per second of all together; 0: as fast as they are taken
  std::uint64_t count = 0;  // records of all together; 0: until the time is over
  std::chrono::milliseconds time{10'000};
  std::uint64_t batch = 100;  // records of one request
  std::uint64_t seed = 1;
  double speed = 600;         // event seconds per second, for instruments whose records carry a time
  std::int64_t start_us = 0;  // event time of the first record
};

struct simulation_summary {
  std::uint64_t sent = 0, accepted = 0, dead = 0, retried = 0, batches = 0;
  double seconds = 0;
  std::vector<double> latency_ms;     // per batch, from when it was due to its confirmation; ascending
  std::vector<std::string> problems;  // why instruments stopped early

  double latency(double share) const;  // 0.5: the median; 0 when nothing was sent
};

// connect: called once per instrument, before its first batch.
using connector_of = std::function<result<std::unique_ptr<delivery>>(std::uint64_t instrument)>;

simulation_summary run(const simulation_options& options, const connector_of& connect,
                       const std::atomic<bool>& stopped);

}  // namespace weir::simulate

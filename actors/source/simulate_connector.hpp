// Instruments without the instruments: for demos, tests and load. Exactly once: the position is the next record's
// index.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "actors/source/connector.hpp"
#include "actors/source/simulated_instrument.hpp"

namespace weir {

const connector_kind& simulate_connector_kind();
result<std::unique_ptr<connector>> make_simulate_connector(const source_spec& spec, const connector_context& context);

// Which records are due, at a steady rate. After a pause at most one second's worth comes at once; the rest is not
// dropped, it comes later: indexes always follow on.
class pace {
 public:
  explicit pace(double rate) : rate_(rate) {}
  // The first index that is not due yet; `next`: the first not delivered.
  std::uint64_t due_until(std::uint64_t next, std::int64_t now_us);
  // When this index is due; after due_until().
  std::int64_t due_at(std::uint64_t index) const;

 private:
  double rate_;  // records per second
  std::optional<std::int64_t> origin_us_;
  std::uint64_t origin_index_ = 0;  // due at origin_us_
};

struct simulate_options {
  const instrument_kind* instrument = nullptr;
  simulation_settings settings;  // start_us: see `start_given`
  bool start_given = false;      // else: from the clock at the first open
  double speed = 1;              // event seconds per second
  double rate = 1;               // records per second
  std::uint64_t count = 0;       // 0: endless
};

class simulate_connector final : public connector {
 public:
  simulate_connector(simulate_options options, std::string chunk_format, std::string chunk_context,
                     std::int64_t (*now_us)());

  status open(std::string_view position) override;
  result<source_chunk> pull(const pull_limits& limits) override;

 private:
  std::int64_t default_start(std::int64_t now_us) const;
  std::chrono::microseconds until_next(std::int64_t now_us) const;
  status resume(std::string_view position);

  simulate_options options_;
  std::string chunk_format_;
  std::string chunk_context_;
  std::int64_t (*now_us_)();
  std::unique_ptr<simulated_instrument> instrument_;
  pace pace_;
  std::uint64_t next_ = 0;
};

}  // namespace weir

// Instruments that are computed instead of read: record i is a pure function of (settings, i), with no clock, no state
// and no floating-point function that differs between machines.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

struct simulation_settings {
  std::uint64_t seed = 1;
  std::int64_t start_us = 0;   // event time of record 0
  double event_step_us = 0;    // event time from one record to the next
  std::uint64_t stations = 1;  // weather-station: taken in turns
  std::uint64_t station = 0;   // weather-station: number of the first one, at most 11 digits
  std::string station_name;
};

class simulated_instrument {
 public:
  virtual ~simulated_instrument() = default;
  virtual void append(std::uint64_t index, std::string& record) const = 0;
  // Whether the record carries an event time, and which.
  virtual bool timed() const = 0;
  virtual std::int64_t event_us(std::uint64_t index) const = 0;
};

struct instrument_kind {
  std::string_view name;
  std::string_view format;
  std::string_view header;                // of CSV, without a line end; else empty
  double default_rate;                    // records per second
  std::vector<std::string_view> options;  // beside those that every instrument has
  std::unique_ptr<simulated_instrument> (*make)(const simulation_settings& settings);
};
const std::vector<instrument_kind>& instrument_kinds();

}  // namespace weir

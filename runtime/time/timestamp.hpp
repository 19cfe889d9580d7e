// Points in time as microseconds since 1970-01-01T00:00:00Z, and lengths of time as microseconds.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/result.hpp"

namespace weir {

inline constexpr std::int64_t us_per_ms = 1'000;
inline constexpr std::int64_t us_per_s = 1'000'000;
inline constexpr std::int64_t us_per_day = 86'400 * us_per_s;
// The years 0001 to 9999: what text can say.
inline constexpr std::int64_t timestamp_min_us = -62'135'596'800LL * us_per_s;
inline constexpr std::int64_t timestamp_max_us = 253'402'300'799LL * us_per_s + 999'999;

// ISO 8601: 2020-01-01, 2020-01-01T10:00, 2020-01-01 10:00:00.123456, with Z, +02, +0200 or +02:00; without a zone
// it is UTC. Anything left over, a date that does not exist and years outside 0001..9999 are errors.
result<std::int64_t> parse_timestamp(std::string_view text);
// 2020-01-01T10:00:00Z, with .123 or .123456 when there is a fraction. us within the range above.
std::string format_timestamp(std::int64_t us);
void append_timestamp(std::string& out, std::int64_t us);

// '5 seconds', '2 s', '1 hour 30 minutes', '100 ms', '1 day', '-3 s', '00:05:00'. Months and years are errors: they
// have no fixed length.
result<std::int64_t> parse_interval(std::string_view text);
std::string format_interval(std::int64_t us);  // '1 day 02:03:04.5', as PostgreSQL

struct civil_time {
  int year, month, day, hour, minute, second, microsecond;  // month and day from 1
  int day_of_week;  // 0: Sunday
  int day_of_year;  // 1..366
};
civil_time to_civil(std::int64_t us);
std::int64_t from_civil(const civil_time& t);  // day_of_week and day_of_year are not read

// The largest multiple of `step` (counted from 1970, shifted by `origin`) at or below t; right for times before 1970.
constexpr std::int64_t floor_to(std::int64_t t, std::int64_t step, std::int64_t origin = 0) {
  const std::int64_t d = t - origin;
  const std::int64_t r = d % step;
  return t - (r < 0 ? r + step : r);
}

}  // namespace weir

#include "tools/bench/sent_records.hpp"

#include <fmt/format.h>

#include <charconv>

namespace weir::bench {

namespace {

// Times have 16 digits until the year 2286, so records keep their length.
constexpr std::string_view before_time = R"({"sensor":"s0000","sent_us":)", between = R"(,"value":)",
                           behind = R"(5.125,"status":"ok","site":"north-atlantic"})"
                                    "\n";
constexpr std::size_t time_digits = 16, time_at = before_time.size(), sensor_at = 12,
                      value_at = time_at + time_digits + between.size(), record_bytes = value_at + 1 + behind.size();
constexpr char passing = '1', other = '5';  // the value's first digit: the filter takes values below 20

}  // namespace

sent_records::sent_records(std::string head, int count)
    : text_(std::move(head)), head_bytes_(text_.size()), count_(count) {
  for (int i = 0; i < count; ++i)
    text_.append(before_time).append(time_digits, '0').append(between).append(1, other).append(behind);
}

const std::string& sent_records::stamped(std::int64_t sent_us, std::uint64_t first) {
  char time[20], sensor[8];
  std::to_chars(time, time + sizeof time, sent_us);
  auto* at = text_.data() + head_bytes_;
  for (int i = 0; i < count_; ++i, at += record_bytes) {
    const auto number = first + static_cast<std::uint64_t>(i);
    std::to_chars(sensor, sensor + sizeof sensor, 1'000 + number % 1'000);
    std::copy(sensor, sensor + 4, at + sensor_at);
    std::copy(time, time + time_digits, at + time_at);
    at[value_at] = number % records_per_row == 0 ? passing : other;
  }
  return text_;
}

std::int64_t sent_time_if_passing(std::string_view record) {
  std::int64_t out = 0;
  if (record.size() > value_at && record[value_at] == passing)
    std::from_chars(record.data() + time_at, record.data() + time_at + time_digits, out);
  return out;
}

}  // namespace weir::bench

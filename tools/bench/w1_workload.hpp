// Workload W1: JSON records of about 95 bytes from 1,000 sensors over 4 sources, event times with up to 1 s of
// disorder, and its answer: count and maximum per sensor and 5 s window. The same seed always makes the same records.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "runtime/format/record_decoder.hpp"

namespace weir::bench {

inline constexpr std::int64_t window_ms = 5'000;
inline constexpr std::size_t source_count = 4;

struct w1_workload {
  // Per source, what it hands to ingest at a time: up to 4,096 records each.
  std::vector<std::vector<raw_records>> chunks;
  std::size_t records = 0, bytes = 0;
};

// `records` in all, 10,000 a second of event time.
w1_workload make_w1(std::size_t records);

struct w1_window {
  std::string sensor;
  std::int64_t start_ms = 0;
  std::uint64_t count = 0;
  double max = 0;

  bool operator==(const w1_window&) const = default;
};

// In the order of sensor and start.
void sort_windows(std::vector<w1_window>& windows);

// Answers are handed between processes as text, one window a line; equal answers are equal files.
void write_answer(const std::filesystem::path& file, const std::vector<w1_window>& windows);
bool same_answer(const std::filesystem::path& a, const std::filesystem::path& b);

}  // namespace weir::bench

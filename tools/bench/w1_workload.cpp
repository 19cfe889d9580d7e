#include "tools/bench/w1_workload.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <random>
#include <stdexcept>
#include <tuple>

namespace weir::bench {

namespace {

constexpr std::int64_t epoch_ms = 1'700'000'000'000, records_per_second = 10'000;
constexpr std::uint64_t sensors = 1'000, disorder_ms = 1'000;
constexpr std::size_t chunk_records = 4'096;

std::string content(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw std::runtime_error(fmt::format("{} cannot be read", file.string()));
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

w1_workload make_w1(std::size_t records) {
  w1_workload out;
  out.records = records;
  out.chunks.resize(source_count);
  std::mt19937_64 random(7);
  std::normal_distribution<double> values(20, 8);
  std::string text;
  for (std::size_t i = 0; i < records; ++i) {
    const auto ts = epoch_ms + static_cast<std::int64_t>(i) * 1'000 / records_per_second -
                    static_cast<std::int64_t>(random() % disorder_ms);
    const auto sensor = random() % sensors;
    const auto value = std::round(values(random) * 1'000) / 1'000;
    text.clear();
    fmt::format_to(std::back_inserter(text),
                   R"({{"sensor":"s{:04}","ts":{},"value":{},"status":"ok","site":"north-atlantic"}})", sensor, ts,
                   value);
    // As a producer does that partitions by key.
    auto& source = out.chunks[sensor % source_count];
    if (source.empty() || source.back().size() == chunk_records) source.emplace_back();
    source.back().append(text);
    out.bytes += text.size();
  }
  return out;
}

void sort_windows(std::vector<w1_window>& windows) {
  std::ranges::sort(windows, {}, [](const w1_window& w) { return std::tie(w.sensor, w.start_ms); });
}

void write_answer(const std::filesystem::path& file, const std::vector<w1_window>& windows) {
  std::ofstream out(file, std::ios::binary);
  for (const auto& w : windows) out << fmt::format("{} {} {} {}\n", w.sensor, w.start_ms, w.count, w.max);
  out.close();
  if (!out) throw std::runtime_error(fmt::format("{} cannot be written", file.string()));
}

bool same_answer(const std::filesystem::path& a, const std::filesystem::path& b) { return content(a) == content(b); }

}  // namespace weir::bench

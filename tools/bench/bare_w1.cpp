#include "tools/bench/bare_w1.hpp"

#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <stdexcept>

namespace weir::bench {

namespace {

static_assert(raw_records::padding >= simdjson::SIMDJSON_PADDING);

struct open_window {
  char sensor[16];  // padded with zeros
  std::int64_t start;
  double max;
  std::uint64_t count;
};

// Open addressing, keyed by sensor and start.
class window_map {
 public:
  open_window& find_or_add(const char (&sensor)[16], std::int64_t start) {
    for (auto i = hash(sensor, start) & (slots_.size() - 1);; i = (i + 1) & (slots_.size() - 1)) {
      auto& slot = slots_[i];
      if (slot == 0) return add(slot, sensor, start);
      auto& w = all[slot - 1];
      if (w.start == start && std::memcmp(w.sensor, sensor, sizeof w.sensor) == 0) return w;
    }
  }

  std::vector<open_window> all;

 private:
  static std::uint64_t hash(const char (&sensor)[16], std::int64_t start) {
    std::uint64_t a = 0, b = 0;
    std::memcpy(&a, sensor, 8);
    std::memcpy(&b, sensor + 8, 8);
    auto h = (a ^ std::rotl(b, 23) ^ static_cast<std::uint64_t>(start) * 0x9e3779b97f4a7c15u) * 0xff51afd7ed558ccdu;
    return h ^ h >> 32;
  }

  open_window& add(std::uint32_t& slot, const char (&sensor)[16], std::int64_t start) {
    if ((all.size() + 1) * 2 > slots_.size()) throw std::runtime_error("the bare loop's table is too small");
    open_window w{{}, start, -1e300, 0};
    std::memcpy(w.sensor, sensor, sizeof w.sensor);
    all.push_back(w);
    slot = static_cast<std::uint32_t>(all.size());
    return all.back();
  }

  std::vector<std::uint32_t> slots_ = std::vector<std::uint32_t>(1U << 18, 0);  // index into `all`, plus one
};

void take(simdjson::ondemand::parser& parser, const raw_records& records, std::size_t i, window_map& windows) {
  const auto record = records[i];
  auto doc = parser.iterate(record.data(), record.size(), records.readable_from(i));
  const std::string_view sensor = doc["sensor"].get_string();
  const std::int64_t ts = doc["ts"].get_int64();
  const double value = doc["value"].get_double();
  char name[16] = {};
  if (sensor.size() > sizeof name) throw std::runtime_error("the bare loop takes sensors of up to 16 characters");
  std::memcpy(name, sensor.data(), sensor.size());
  auto& w = windows.find_or_add(name, ts - ts % window_ms);
  ++w.count;
  w.max = std::max(w.max, value);
}

}  // namespace

std::vector<w1_window> run_bare_w1(const w1_workload& input) {
  window_map windows;
  simdjson::ondemand::parser parser;
  for (const auto& source : input.chunks)
    for (const auto& chunk : source)
      for (std::size_t i = 0; i < chunk.size(); ++i) take(parser, chunk, i, windows);
  std::vector<w1_window> out;
  out.reserve(windows.all.size());
  for (const auto& w : windows.all)
    out.push_back({std::string(w.sensor, strnlen(w.sensor, sizeof w.sensor)), w.start, w.count, w.max});
  return out;
}

}  // namespace weir::bench

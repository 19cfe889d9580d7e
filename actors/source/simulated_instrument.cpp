#include "actors/source/simulated_instrument.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <iterator>

#include "runtime/time/timestamp.hpp"

namespace weir {
namespace {

// splitmix64: independent bits for every (seed, stream, index).
std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}
std::uint64_t bits(std::uint64_t seed, std::uint64_t stream, std::uint64_t index) {
  return mix(mix(mix(seed) ^ stream) ^ index);
}
// A number in [0, 1) from one of the four 16-bit parts of `from`.
double share(std::uint64_t from, int part) { return static_cast<double>((from >> (16 * part)) & 0xffff) / 65536.0; }

// A camera over a conveyor of socks, as the sorting demo of MQTT messages: per scene of 48 messages one sock lies in
// view for 14 to 29 of them (4 to 8 s), with Blank before and behind it and now and then a ghost, one wrong label.
class sock_camera final : public simulated_instrument {
 public:
  explicit sock_camera(const simulation_settings& settings) : seed_(settings.seed) {}

  bool timed() const override { return false; }
  std::int64_t event_us(std::uint64_t) const override { return 0; }

  void append(std::uint64_t index, std::string& record) const override {
    constexpr std::uint64_t scene_length = 48;
    const std::uint64_t scene = bits(seed_, 1, index / scene_length);
    const std::uint64_t chance = bits(seed_, 2, index);
    const std::uint64_t at = index % scene_length;
    const std::uint64_t first = 8 + scene % 8;
    const std::uint64_t length = 14 + (scene >> 8) % 16;
    const std::uint64_t sock = (scene >> 16) % socks;
    const bool in_view = at >= first && at < first + length;
    const bool ghost = share(chance, 0) < 0.03;
    const bool missed = in_view && !ghost && share(chance, 0) > 0.97;
    std::uint64_t label = in_view && !missed ? sock : blank;
    if (ghost) label = (sock + 1 + (chance >> 16) % (socks - 1)) % socks;
    // The model answers in half precision: steps of 1/2048 below 1.
    const double lowest = ghost ? 900 : 1640;
    const double steps = std::floor(lowest + share(chance, 2) * (ghost ? 600 : 407));
    fmt::format_to(std::back_inserter(record), R"({{"image":"{}","probability":{}}})", labels[label],
                   steps * 100.0 / 2048.0);
  }

 private:
  static constexpr std::array<std::string_view, 8> labels{"Confluent", "Databricks", "Github",          "Google",
                                                          "Mongo",     "Streamsets", "Running Science", "Blank"};
  static constexpr std::uint64_t socks = 7;
  static constexpr std::uint64_t blank = 7;

  std::uint64_t seed_;
};

constexpr std::string_view weather_header =
    R"("STATION","DATE","SOURCE","LATITUDE","LONGITUDE","ELEVATION","NAME","REPORT_TYPE","CALL_SIGN",)"
    R"("QUALITY_CONTROL","WND","CIG","VIS","TMP","DEW","SLP")";

// -1 .. 1 over one period, much like a sine: two parabolas.
double wave(double turns) {
  const double t = turns - std::floor(turns);
  return t < 0.5 ? 16.0 * t * (0.5 - t) : -16.0 * (t - 0.5) * (1.0 - t);
}

std::string csv_quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    out += c;
    if (c == '"') out += c;
  }
  return out + '"';
}

// A row as NOAA's global-hourly files have it: temperatures in tenths of a degree with a quality code; some are missing
// (+9999,9), some fail a check (codes 2, 3, 6, 7), and daily summaries (SOD) have none.
class weather_station final : public simulated_instrument {
 public:
  explicit weather_station(const simulation_settings& settings) : settings_(settings) {}

  bool timed() const override { return true; }

  // Stations report in turns; a turn has one event time.
  std::int64_t event_us(std::uint64_t index) const override {
    const auto turn = static_cast<double>(index / settings_.stations);
    const double step = settings_.event_step_us * static_cast<double>(settings_.stations);
    const double passed = std::floor(turn * step);
    const std::int64_t left = timestamp_max_us - settings_.start_us;  // no text says a later time
    if (passed >= static_cast<double>(left)) return timestamp_max_us;
    return settings_.start_us + static_cast<std::int64_t>(passed);
  }

  void append(std::uint64_t index, std::string& record) const override {
    const std::uint64_t nth = index % settings_.stations;
    const std::uint64_t station = settings_.station + nth;
    const std::uint64_t site = bits(settings_.seed, 3, station);
    const std::uint64_t chance = bits(settings_.seed, 4, index);
    const std::int64_t event = event_us(index);
    const double latitude = share(site, 0) * 130.0 - 60.0;
    const double longitude = share(site, 1) * 360.0 - 180.0;
    const auto tenths = static_cast<int>(std::floor(temperature(event, station, latitude, longitude) * 10.0 + 0.5));
    const bool summary = share(chance, 0) < 0.005;
    const std::string_view type = summary ? "SOD  " : report_type(share(chance, 0));
    const civil_time t = to_civil(event);
    auto out = std::back_inserter(record);
    fmt::format_to(out, R"("{:011}","{:04}-{:02}-{:02}T{:02}:{:02}:{:02}","4","{:.3f}","{:.3f}","{:.1f}",)", station,
                   t.year, t.month, t.day, t.hour, t.minute, t.second, latitude, longitude,
                   std::floor(share(site, 2) * 9000.0) / 10.0);
    fmt::format_to(out, R"({},"{}","99999","V020",)", name(nth), type);
    fmt::format_to(out, R"("{:03},1,N,{:04},1","22000,1,9,N","{:06},1,9,9",)",
                   10 + static_cast<int>(share(chance, 1) * 36) * 10, 5 + static_cast<int>(share(chance, 2) * 120),
                   4000 + static_cast<int>(share(chance, 3) * 12000));
    if (summary) {
      record += R"("+9999,9","+9999,9","99999,9")";
      return;
    }
    append_temperature(record, tenths, bits(settings_.seed, 5, index));
    fmt::format_to(out, R"(,"{:+05},1","{:05},1")", tenths - 10 - static_cast<int>(share(chance, 2) * 80),
                   9950 + static_cast<int>(share(chance, 1) * 400));
  }

 private:
  static std::string_view report_type(double chance) {
    return chance < 0.2 ? "FM-12" : chance < 0.95 ? "FM-15" : "FM-16";
  }

  std::string name(std::uint64_t nth) const {
    return csv_quoted(settings_.stations == 1 ? settings_.station_name
                                              : fmt::format("{} {}", nth + 1, settings_.station_name));
  }

  static void append_temperature(std::string& record, int tenths, std::uint64_t chance) {
    constexpr std::array<int, 4> failed{2, 3, 6, 7};
    const double fate = share(chance, 0);
    if (fate < 0.02) {
      record += R"("+9999,9")";
    } else if (fate < 0.03) {  // a value that no check lets pass
      const int wild = share(chance, 1) < 0.5 ? 540 : -750;
      fmt::format_to(std::back_inserter(record), R"("{:+05},{}")", wild, failed[(chance >> 32) % failed.size()]);
    } else {
      fmt::format_to(std::back_inserter(record), R"("{:+05},{}")", tenths, fate < 0.6 ? 1 : 5);
    }
  }

  // Degrees Celsius: colder away from the equator, warm summers of the own hemisphere, warm afternoons of local time,
  // and weather that drifts from hour to hour.
  double temperature(std::int64_t event, std::uint64_t station, double latitude, double longitude) const {
    constexpr double day = 86'400.0 * us_per_s;
    const double days = static_cast<double>(event) / day;
    const double away = std::fabs(latitude) / 90.0;
    const double season = wave((days - 105.0) / 365.2425) * (latitude < 0 ? -1.0 : 1.0);
    const double afternoon = wave(days + longitude / 360.0 - 0.375);
    const double hours = static_cast<double>(event) / (3'600.0 * us_per_s);
    const auto hour = static_cast<std::int64_t>(std::floor(hours));
    const double part = hours - std::floor(hours);
    const double drift = (1.0 - part) * weather(station, hour) + part * weather(station, hour + 1);
    return 27.0 - 35.0 * away + 18.0 * away * season + 5.0 * afternoon + drift;
  }

  double weather(std::uint64_t station, std::int64_t hour) const {
    return share(bits(settings_.seed ^ mix(station), 6, static_cast<std::uint64_t>(hour)), 0) * 3.0 - 1.5;
  }

  simulation_settings settings_;
};

template <class T>
std::unique_ptr<simulated_instrument> make(const simulation_settings& settings) {
  return std::make_unique<T>(settings);
}

}  // namespace

const std::vector<instrument_kind>& instrument_kinds() {
  static const std::vector<instrument_kind> kinds{
      {"sock-camera", "ndjson", "", 3.5, {}, make<sock_camera>},
      {"weather-station",
       "csv",
       weather_header,
       10.0,
       {"start", "speed", "station", "station_name", "stations"},
       make<weather_station>},
  };
  return kinds;
}

}  // namespace weir

#include "actors/source/simulate_connector.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "actors/source/file_access.hpp"
#include "actors/source/option_reader.hpp"
#include "runtime/batch/key_codec.hpp"
#include "runtime/time/timestamp.hpp"

namespace weir {
namespace {

constexpr double max_rate = 1e6;                 // records per second
constexpr double max_speed = 1e6;                // event seconds per second
constexpr std::uint64_t max_count = 1ULL << 53;  // a double counts that far
constexpr std::uint64_t max_stations = 10'000;
constexpr std::uint64_t max_station = 99'999'999'999 - max_stations;  // 11 digits
constexpr std::size_t max_station_name = 128;
constexpr std::int64_t default_history_us = 365 * us_per_day;
constexpr std::chrono::microseconds shortest_pause{1'000}, longest_pause = std::chrono::minutes(1);  // clocks jump
constexpr int position_version = 1;

const instrument_kind* find_instrument(std::string_view name) {
  for (const auto& kind : instrument_kinds()) {
    if (kind.name == name) return &kind;
  }
  return nullptr;
}

status check_options_of(const source_spec& spec, const option_reader& reader, const instrument_kind& instrument) {
  for (const auto& other : instrument_kinds()) {
    for (const auto option : other.options) {
      const auto& own = instrument.options;
      if (reader.given(option) && std::find(own.begin(), own.end(), option) == own.end()) {
        return fail(errc::invalid_argument, "source {}: option {} is for the instrument {}, not for {}", spec.name,
                    option, other.name, instrument.name);
      }
    }
  }
  return {};
}

status read_station(const source_spec& spec, const option_reader& reader, simulate_options& options) {
  WEIR_TRY(stations, reader.whole("stations", 1, max_stations));
  options.settings.stations = stations;
  options.settings.station = 99'900'000'000 + stable_hash(spec.name) % 90'000'000;
  if (reader.given("station")) {
    WEIR_TRY(station, reader.whole("station", 0, max_station));
    options.settings.station = station;
  }
  options.settings.station_name =
      reader.given("station_name") ? reader.text("station_name") : fmt::format("SIMULATED {}, XX", spec.name);
  const auto& name = options.settings.station_name;
  if (name.size() > max_station_name || name.find_first_of("\r\n") != std::string::npos) {
    return fail(errc::invalid_argument, "source {}: option station_name is one line of at most {} bytes", spec.name,
                max_station_name);
  }
  return {};
}

status read_start(const source_spec& spec, const option_reader& reader, std::int64_t now_us,
                  simulate_options& options) {
  if (!reader.given("start")) return {};
  const auto start = parse_timestamp(reader.text("start"));
  if (!start) {
    return fail(errc::invalid_argument, "source {}: option start: {}", spec.name, start.error().text());
  }
  if (*start > now_us) {
    return with_hint(fail(errc::invalid_argument, "source {}: option start = '{}' lies in the future; it is {} now",
                          spec.name, reader.text("start"), format_timestamp(now_us)),
                     "records never run ahead of the clock");
  }
  options.settings.start_us = *start;
  options.start_given = true;
  return {};
}

result<simulate_options> read_options(const source_spec& spec, const connector_context& context) {
  const option_reader reader(spec, simulate_connector_kind());
  WEIR_TRY_VOID(reader.check_names());
  std::vector<std::string_view> names;
  for (const auto& kind : instrument_kinds()) names.push_back(kind.name);
  WEIR_TRY(name, reader.choice("instrument", names));
  simulate_options options;
  options.instrument = find_instrument(name);
  WEIR_TRY_VOID(check_options_of(spec, reader, *options.instrument));
  WEIR_TRY(seed, reader.whole("seed", 0, std::numeric_limits<std::uint64_t>::max()));
  WEIR_TRY(count, reader.whole("count", 0, max_count));
  WEIR_TRY(speed, reader.number("speed", 1e-3, max_speed));
  options.rate = options.instrument->default_rate;
  if (reader.given("rate")) {
    WEIR_TRY(rate, reader.number("rate", 1e-3, max_rate));
    options.rate = rate;
  }
  options.settings.seed = seed;
  options.count = count;
  options.speed = speed;
  options.settings.event_step_us = speed / options.rate * static_cast<double>(us_per_s);
  WEIR_TRY_VOID(read_station(spec, reader, options));
  WEIR_TRY_VOID(read_start(spec, reader, context.now_us(), options));
  return options;
}

bool same_format(std::string_view a, std::string_view b) {
  const auto is_json = [](std::string_view name) { return name == "json" || name == "ndjson"; };
  return a == b || (is_json(a) && is_json(b));
}

// The header as the stream's decoder wants to be told of it.
result<std::string> context_of(const instrument_kind& instrument, std::size_t max_record_bytes) {
  if (instrument.header.empty()) return std::string();
  WEIR_TRY(framing, make_framer({std::string(instrument.format), {}}, max_record_bytes, {}));
  raw_records records;
  std::vector<frame_failure> failures;
  framing->feed(std::string(instrument.header) + "\n", records, failures);
  if (!framing->context_ready()) {
    return fail(errc::limit_exceeded, "the header of {} is longer than a record may be ({} bytes)", instrument.name,
                max_record_bytes);
  }
  return std::string(framing->context());
}

}  // namespace

const connector_kind& simulate_connector_kind() {
  static const connector_kind kind{
      "simulate",
      "Computes what an instrument could send: the same records for the same options, whenever and wherever it runs.",
      "exactly once",
      {
          {"instrument", "sock-camera (JSON objects) or weather-station (CSV rows as NOAA's global-hourly)", true, ""},
          {"seed", "another seed gives other records", false, "1"},
          {"rate", "records per second; default: 3.5 for sock-camera, 10 for weather-station", false, ""},
          {"count", "how many records there are; 0: endless", false, "0"},
          {"start",
           "weather-station: event time of the first record, ISO 8601; default: the clock at the first open, "
           "a year earlier where speed is over 1",
           false, ""},
          {"speed",
           "weather-station: event seconds per second; once event time has caught up with the clock it goes "
           "on in real time",
           false, "600"},
          {"station",
           "weather-station: number of the (first) station, up to 11 digits; default: from the source's "
           "name",
           false, ""},
          {"station_name", "weather-station: default: from the source's name", false, ""},
          {"stations", "weather-station: how many stations report in turns", false, "1"},
      }};
  return kind;
}

result<std::unique_ptr<connector>> make_simulate_connector(const source_spec& spec, const connector_context& context) {
  WEIR_TRY(options, read_options(spec, context));
  const auto& instrument = *options.instrument;
  const bool as_stream = same_format(instrument.format, context.stream_format.name);
  if (const auto delimiter = context.stream_format.options.find("delimiter");
      as_stream && instrument.format == "csv" && delimiter != context.stream_format.options.end() &&
      delimiter->second != ",") {
    return fail(errc::invalid_argument, "source {}: {} writes CSV with commas, stream {} has the delimiter '{}'",
                spec.name, instrument.name, spec.stream, delimiter->second);
  }
  WEIR_TRY(chunk_context, context_of(instrument, context.max_record_bytes));
  return std::make_unique<simulate_connector>(std::move(options), as_stream ? "" : std::string(instrument.format),
                                              std::move(chunk_context), context.now_us);
}

std::uint64_t pace::due_until(std::uint64_t next, std::int64_t now_us) {
  constexpr std::int64_t most_at_once_us = us_per_s;
  if (!origin_us_ || now_us < *origin_us_) {
    origin_us_ = now_us;
    origin_index_ = next;
  }
  const auto due_at = [&](std::int64_t at) {
    return origin_index_ + 1 + static_cast<std::uint64_t>(static_cast<double>(at - *origin_us_) * rate_ / us_per_s);
  };
  if (now_us - *origin_us_ > most_at_once_us && next + 1 < due_at(now_us - most_at_once_us)) {
    origin_us_ = now_us - most_at_once_us;
    origin_index_ = next;
  }
  return due_at(now_us);
}

std::int64_t pace::due_at(std::uint64_t index) const {
  if (index <= origin_index_) return *origin_us_;
  return *origin_us_ + static_cast<std::int64_t>(std::ceil(static_cast<double>(index - origin_index_) *
                                                           static_cast<double>(us_per_s) / rate_));
}

simulate_connector::simulate_connector(simulate_options options, std::string chunk_format, std::string chunk_context,
                                       std::int64_t (*now_us)())
    : options_(std::move(options)),
      chunk_format_(std::move(chunk_format)),
      chunk_context_(std::move(chunk_context)),
      now_us_(now_us),
      pace_(options_.rate) {}

// A replay begins a year back, so that it does not run into the future at once.
std::int64_t simulate_connector::default_start(std::int64_t now_us) const {
  if (options_.speed <= 1) return floor_to(now_us, us_per_s);
  return floor_to(now_us - default_history_us, us_per_day);
}

status simulate_connector::resume(std::string_view position) {
  const auto in = nlohmann::json::parse(position, nullptr, false);
  const auto whole = [&](const char* name) {
    return in.is_object() && in.contains(name) && in[name].is_number_integer();
  };
  if (!whole("v") || !whole("next") || !whole("start") || in["v"] != position_version || in["next"] < 0 ||
      in["start"] < timestamp_min_us || in["start"] > timestamp_max_us) {
    return fail(errc::corrupt, "a simulated source cannot resume: its position '{}' is damaged",
                escape_name(position.substr(0, 200)));
  }
  next_ = in["next"].get<std::uint64_t>();
  options_.settings.start_us = in["start"].get<std::int64_t>();
  return {};
}

status simulate_connector::open(std::string_view position) {
  if (!options_.start_given) options_.settings.start_us = default_start(now_us_());
  next_ = 0;
  if (!position.empty()) WEIR_TRY_VOID(resume(position));
  pace_ = pace(options_.rate);
  instrument_ = options_.instrument->make(options_.settings);
  return {};
}

std::chrono::microseconds simulate_connector::until_next(std::int64_t now_us) const {
  auto at = pace_.due_at(next_);
  if (instrument_->timed()) at = std::max(at, instrument_->event_us(next_));
  return std::clamp(std::chrono::microseconds(at - now_us), shortest_pause, longest_pause);
}

result<source_chunk> simulate_connector::pull(const pull_limits& limits) {
  if (!instrument_) return fail(errc::internal, "a simulated source was pulled before it was opened");
  const std::int64_t now = now_us_();
  std::uint64_t until = pace_.due_until(next_, now);
  if (options_.count > 0) until = std::min(until, options_.count);
  source_chunk chunk;
  chunk.format = chunk_format_;
  chunk.context = chunk_context_;
  std::string record;
  while (next_ < until && chunk.records.size() < std::max<std::size_t>(1, limits.max_records)) {
    if (instrument_->timed() && instrument_->event_us(next_) > now) break;
    record.clear();
    instrument_->append(next_, record);
    if (chunk.records.size() > 0 && chunk.records.byte_count() + record.size() > limits.max_bytes) break;
    chunk.records.append(record);
    ++next_;
  }
  chunk.ended = options_.count > 0 && next_ >= options_.count;
  chunk.least_pause = chunk.longest_pause = until_next(now);
  const auto start = options_.settings.start_us;
  chunk.position = nlohmann::json{{"v", position_version}, {"next", next_}, {"start", start}}.dump();
  chunk.progress =
      options_.count > 0 ? fmt::format("record {} of {}", next_, options_.count) : fmt::format("record {}", next_);
  if (instrument_->timed()) chunk.progress += ", event time " + format_timestamp(instrument_->event_us(next_));
  return chunk;
}

}  // namespace weir

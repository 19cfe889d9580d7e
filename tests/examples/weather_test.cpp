// The weather use over NOAA's real files: known answers, the same in whatever order the stations' files are added.
#include <algorithm>
#include <chrono>
#include <numeric>

#include "actors/source/connector.hpp"
#include "tests/examples/example_runs.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

const std::string weather_sql = "examples/weather/weather.sql";
const std::string noaa = "../shared/data/noaa";
const texts weather_views{"station_hours", "all_hours"};
constexpr std::size_t chunk = 1'000;
constexpr std::size_t all_files = 4;

struct station_file {
  std::string source, path, format;
  std::int64_t values, hours;  // without the qualities 2, 3, 6 and 7
  double mean, least, most;    // degrees Celsius, over all values
};

const std::vector<station_file>& station_files() {
  static const std::vector<station_file> files{
      {"afghanistan-2017", noaa + "/00702699999.csv", "csv", 6'836, 1'804, 20.234055, 2.0, 41.0},
      {"norway-2016", noaa + "/014160-99999-2016.gz", "isd", 3'609, 3'609, 10.81970, -5.6, 27.1},
      {"germany-1928", noaa + "/104270-99999-1928.gz", "isd", 319, 319, 8.08871, -17.8, 27.2},
      {"texas-2006", noaa + "/ISD-MISSING.gz", "isd", 4'999, 4'120, 18.35645, 3.9, 37.8},
  };
  return files;
}

const std::vector<scripted_source>& file_sources() {
  static const std::vector<scripted_source> sources = [] {
    std::vector<scripted_source> out;
    for (const auto& f : station_files()) out.push_back(file_source(f.source, "weather", f.path, f.format));
    return out;
  }();
  return sources;
}

// One file after the other: each is let in only when all before it have ended.
conductor in_order(std::vector<std::size_t> order) {
  return [order = std::move(order)](sim_node& node) {
    for (const auto i : order) node.hold_source(station_files()[i].source, true);
    for (const auto i : order) {
      node.hold_source(station_files()[i].source, false);
      run_all(node);
    }
  };
}

using answers = std::map<std::string, texts>;

answers run_weather(int shards, std::uint64_t seed, const conductor& conduct = run_all) {
  return run_example(weather_sql, file_sources(), weather_views, shards, seed, chunk, conduct);
}

const answers& straight_answers() {
  static const answers out = run_weather(1, 1);
  return out;
}

// Rows of station_hours by source and hour.
std::map<std::string, std::map<std::string, nlohmann::json>> hours_by_source(const texts& rows) {
  std::map<std::string, std::map<std::string, nlohmann::json>> out;
  for (const auto& text : rows) {
    auto row = nlohmann::json::parse(text);
    auto& hours = out[row["source"].get<std::string>()];
    CHECK(hours.emplace(row["window_start"].get<std::string>(), row).second);
  }
  return out;
}

bool near(double a, double b) { return std::abs(a - b) < 1e-4; }

void check_hour(const nlohmann::json& row, std::int64_t reports, double mean, double least, double most) {
  INFO(row.dump());
  CHECK(row["reports"] == reports);
  CHECK(near(row["mean"], mean));
  CHECK(near(row["min"], least));
  CHECK(near(row["max"], most));
  CHECK(near(row["total"], mean * static_cast<double>(reports)));
}

scripted_source made_station(const std::string& source, const std::string& station, const texts& reports) {
  scripted_source out{source, "weather", {}, "", R"("STATION","DATE","TMP")"};
  for (const auto& r : reports) out.records.push_back(station + "," + r);
  return out;
}

}  // namespace

TEST_CASE("NOAA's files have their known hours, values and means") {
  if (sample_is_absent(noaa)) return;
  const auto by_source = hours_by_source(straight_answers().at("station_hours"));
  CHECK(by_source.size() == all_files);
  for (const auto& f : station_files()) {
    INFO(f.source);
    const auto& hours = by_source.at(f.source);
    CHECK(static_cast<std::int64_t>(hours.size()) == f.hours);
    std::int64_t values = 0;
    double total = 0, least = 1e9, most = -1e9;
    for (const auto& [hour, row] : hours) {
      values += row["reports"].get<std::int64_t>();
      total += row["total"].get<double>();
      least = std::min(least, row["min"].get<double>());
      most = std::max(most, row["max"].get<double>());
    }
    CHECK(values == f.values);
    CHECK(near(total / static_cast<double>(values), f.mean));
    CHECK(near(least, f.least));
    CHECK(near(most, f.most));
  }
}

TEST_CASE("the first hours of a station, and the hours that the quality rule changes") {
  if (sample_is_absent(noaa)) return;
  const auto by_source = hours_by_source(straight_answers().at("station_hours"));
  const auto& hours = by_source.at("afghanistan-2017");
  CHECK(hours.begin()->first == "2017-02-10T14:00:00Z");
  check_hour(hours.at("2017-02-10T14:00:00Z"), 11, 3.18182, 2.0, 4.0);
  check_hour(hours.at("2017-02-10T15:00:00Z"), 12, 5.58333, 5.0, 6.0);
  check_hour(hours.at("2017-02-10T16:00:00Z"), 12, 7.58333, 6.0, 9.0);
  // In each a suspect value is left out: of 12, 12, 2 and 2 reports.
  check_hour(hours.at("2017-03-17T07:00:00Z"), 11, 20.0, 20.0, 20.0);
  check_hour(hours.at("2017-05-04T11:00:00Z"), 11, 25.63636, 22.0, 27.0);
  check_hour(hours.at("2017-07-14T15:00:00Z"), 1, 22.0, 22.0, 22.0);
  check_hour(hours.at("2017-07-16T12:00:00Z"), 1, 32.0, 32.0, 32.0);
  CHECK(hours.at("2017-02-10T14:00:00Z")["station"] == "00702699999");
  CHECK(by_source.at("norway-2016").begin()->second["station"] == "01416099999");
}

TEST_CASE("all orders in which the files are added answer the same, bit for bit") {
  if (sample_is_absent(noaa)) return;
  const auto& expected = straight_answers();
  CHECK(expected.at("all_hours").size() == 9'852);
  constexpr int shard_counts[] = {1, 4, 7};
  std::vector<std::size_t> order(all_files);
  std::iota(order.begin(), order.end(), 0);
  std::uint64_t run = 0;
  do {
    const int shards = shard_counts[run % std::size(shard_counts)];
    INFO("order " << ::Catch::Detail::stringify(order) << " on " << shards << " shards");
    const bool same = run_weather(shards, ++run, in_order(order)) == expected;
    CHECK(same);
  } while (std::ranges::next_permutation(order).found);
}

TEST_CASE("files that are read at the same time answer the same, on any number of shards") {
  if (sample_is_absent(noaa)) return;
  for (const int shards : {1, 4, 7}) {
    for (std::uint64_t seed = 1; seed <= 2; ++seed) {
      INFO(shards << " shards, seed " << seed);
      const bool same = run_weather(shards, seed * 31) == straight_answers();
      CHECK(same);
    }
  }
}

TEST_CASE("a mean of stations counts each station once, the pooled mean each report") {
  const auto busy = made_station("busy", "1",
                                 {"2020-01-01T00:00:00,\"+0100,1\"", "2020-01-01T00:20:00,\"+0100,5\"",
                                  "2020-01-01T00:40:00,\"+0130,1\"", "2020-01-01T01:00:00,\"-0005,1\""});
  const auto rare = made_station("rare", "2",
                                 {"2020-01-01T00:30:00,\"-0050,1\"", "2020-01-01T00:31:00,\"+9999,9\"",
                                  "2020-01-01T00:32:00,\"+0900,3\"", "2020-01-01T00:33:00,"});
  for (const int shards : {1, 4, 7}) {
    const auto rows = run_example(weather_sql, {busy, rare}, weather_views, shards, 3, 2);
    CHECK(rows.at("all_hours") ==
          texts{R"({"window_start":"2020-01-01T00:00:00Z","stations":2,"reports":4,"mean_of_stations":3,)"
                R"("pooled_mean":7,"min":-5,"max":13})",
                R"({"window_start":"2020-01-01T01:00:00Z","stations":1,"reports":1,"mean_of_stations":-0.5,)"
                R"("pooled_mean":-0.5,"min":-0.5,"max":-0.5})"});
  }
}

TEST_CASE("a temperature of another form is refused with its reason, the station's hour stands without it") {
  const auto odd = made_station("odd", "1", {"2020-01-01T00:00:00,\"+0100,1\"", "2020-01-01T00:20:00,\"warm,1\""});
  temp_folder folder;
  sim_log log;
  sim_node node(log, folder.path("state"), {}, {{"weather", file_text(weather_sql)}}, {odd});
  CHECK(node.run_to_rest());
  CHECK(topic_values(log, topic::refused("weir", "temperatures"), 1).size() == 1);
  const auto hours = final_rows(log, "weir", node.control().plan()->names.views.at("station_hours"), 1);
  REQUIRE(hours.size() == 1);
  CHECK(nlohmann::json::parse(hours[0])["reports"] == 1);
}

TEST_CASE("the file connector reads these files to the same records and ends") {
  if (sample_is_absent(noaa)) return;
  const auto folder = std::filesystem::canonical(noaa).string();
  connector_context context;
  context.allowed_folders = {folder};
  context.stream_format = {"csv", {}};
  context.now_us = [] { return std::int64_t{1'700'000'000'000'000}; };
  for (std::size_t i = 0; i < all_files; ++i) {
    const auto& f = station_files()[i];
    INFO(f.source);
    source_spec spec{f.source, "weather", "file", {{"path", folder + f.path.substr(noaa.size())}}};
    if (f.format != "csv") spec.options["format"] = f.format;
    texts records;
    std::string position, context_line, format;
    for (bool ended = false; !ended;) {  // made anew for each chunk, as after a restart
      auto made = make_connector(spec, context);
      REQUIRE(made);
      REQUIRE((*made)->open(position));
      auto pulled = (*made)->pull({chunk, std::size_t{1} << 20, std::chrono::milliseconds{0}});
      REQUIRE(pulled);
      CHECK(pulled->failures.empty());
      for (std::size_t r = 0; r < pulled->records.size(); ++r) records.emplace_back(pulled->records[r]);
      position = pulled->position;
      ended = pulled->ended;
      if (pulled->records.size() > 0) context_line = pulled->context, format = pulled->format;
    }
    CHECK((records == file_sources()[i].records));
    CHECK(context_line == file_sources()[i].context);
    CHECK(format == (f.format == "csv" ? "" : f.format));
  }
}

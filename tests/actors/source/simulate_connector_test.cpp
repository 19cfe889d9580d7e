#include "actors/source/simulate_connector.hpp"

#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include "tests/actors/source/source_fixture.hpp"

using namespace weir;
using namespace weir::source_test;

namespace {

constexpr std::int64_t noon_us = 1'750'000'000LL * us_per_s;

source_spec simulated(option_map options) { return {"s", "t", "simulate", std::move(options)}; }

std::vector<std::string> take(connector& source, const pull_limits& limits = {}) {
  const auto chunk = source.pull(limits);
  if (!chunk) FAIL(chunk.error().text());
  std::vector<std::string> records;
  for (std::size_t i = 0; i < chunk->records.size(); ++i) records.emplace_back(chunk->records[i]);
  return records;
}

everything run_to_end(const source_spec& spec, std::string stream_format = "ndjson") {
  return drain(*opened(spec, context_for({}, std::move(stream_format))));
}

}  // namespace

TEST_CASE("a simulated source gives the same records whenever it runs and wherever it is opened again") {
  std::mt19937_64 random(14);
  for (const auto* instrument : {"sock-camera", "weather-station"}) {
    clock_us = noon_us;
    const auto spec = simulated({{"instrument", instrument}, {"rate", "100"}, {"count", "2000"}, {"seed", "5"}});
    const auto straight = run_to_end(spec);
    REQUIRE(straight.records.size() == 2000);
    clock_us = noon_us;
    everything broken;
    auto source = opened(spec, context_for({}));
    while (!broken.ended) {
      const auto chunk = source->pull({1 + random() % 60, 1 + random() % 4000, {}});
      clock_us += static_cast<std::int64_t>(random() % us_per_s);
      REQUIRE(chunk);
      if (random() % 6 != 0) add(broken, *chunk);
      if (random() % 3 == 0 || broken.position != chunk->position)
        source = opened(spec, context_for({}), broken.position);
    }
    CHECK(broken.records == straight.records);
  }
}

TEST_CASE("another seed gives other records") {
  clock_us = noon_us;
  for (const auto* instrument : {"sock-camera", "weather-station"}) {
    const auto with_seed = [&](const char* seed) {
      return run_to_end(simulated({{"instrument", instrument}, {"rate", "1000"}, {"count", "100"}, {"seed", seed}}));
    };
    CHECK(with_seed("1").records != with_seed("2").records);
  }
}

TEST_CASE("a simulated source keeps to its rate") {
  clock_us = noon_us;
  auto source = opened(simulated({{"instrument", "sock-camera"}, {"rate", "10"}}), context_for({}));
  CHECK(take(*source).size() == 1);
  CHECK(take(*source).empty());
  clock_us += 99'000;
  CHECK(take(*source).empty());
  clock_us += 1'000;
  CHECK(take(*source).size() == 1);
  std::size_t count = 0;
  for (int i = 0; i < 1000; ++i) {
    clock_us += 10'000;
    count += take(*source).size();
  }
  CHECK(count == 100);
}

TEST_CASE("after a pause at most a second's worth comes at once, and no index is left out") {
  clock_us = noon_us;
  const auto spec = simulated({{"instrument", "sock-camera"}, {"rate", "10"}, {"count", "60"}});
  const auto straight = run_to_end(spec);
  clock_us = noon_us;
  auto source = opened(spec, context_for({}));
  auto all = take(*source);
  clock_us += 3600 * us_per_s;
  auto next = take(*source);
  CHECK(next.size() == 11);
  all.insert(all.end(), next.begin(), next.end());
  CHECK(take(*source).empty());
  clock_us -= 7200 * us_per_s;  // a clock set back holds up nothing
  next = take(*source);
  CHECK(next.size() == 1);
  all.insert(all.end(), next.begin(), next.end());
  CHECK(std::equal(all.begin(), all.end(), straight.records.begin()));
}

TEST_CASE("the sock camera shows one sock after the other, for seconds, with Blank between them and few ghosts") {
  clock_us = noon_us;
  const auto all = run_to_end(simulated({{"instrument", "sock-camera"}, {"rate", "1000"}, {"count", "9600"}}));
  std::map<std::string, int> counts;
  std::set<std::string> main_labels;
  int ghosts = 0;
  for (std::size_t scene = 0; scene < 200; ++scene) {
    std::map<std::string, int> seen;
    for (std::size_t i = scene * 48; i < (scene + 1) * 48; ++i) {
      const auto record = nlohmann::json::parse(all.records[i]);
      CHECK(record.size() == 2);
      CHECK(record["probability"].get<double>() > 40.0);
      CHECK(record["probability"].get<double>() < 100.0);
      ++counts[record["image"]];
      if (record["image"] != "Blank") ++seen[record["image"]];
    }
    const auto most = std::max_element(seen.begin(), seen.end(), [](auto& a, auto& b) { return a.second < b.second; });
    CHECK(most->second >= 8);
    main_labels.insert(most->first);
    for (const auto& [label, count] : seen) ghosts += label == most->first ? 0 : count;
  }
  CHECK(main_labels.size() == 7);
  CHECK(counts.size() == 8);
  CHECK(counts["Blank"] > 4000);
  CHECK(ghosts > 100);
  CHECK(ghosts < 500);
}

TEST_CASE("the weather station's rows can be read as the real station's are") {
  clock_us = noon_us;
  const auto all = run_to_end(simulated({{"instrument", "weather-station"},
                                         {"rate", "1000"},
                                         {"count", "5000"},
                                         {"start", "2022-06-24T00:00:00Z"},
                                         {"station_name", "A \"B\", NO"},
                                         {"station", "1025099999"},
                                         {"speed", "60000"}}));
  REQUIRE(all.records.size() == 5000);
  schema columns;
  columns.fields = {{"STATION", data_type::text, true},
                    {"DATE", data_type::timestamptz, true},
                    {"NAME", data_type::text, true},
                    {"REPORT_TYPE", data_type::text, true},
                    {"TMP", data_type::text, true}};
  const auto schema_of = std::make_shared<const schema>(columns);
  auto decoder = make_record_decoder({"csv", {}}, schema_of, all.contexts[0], true);
  REQUIRE(decoder);
  raw_records records;
  for (const auto& record : all.records) records.append(record);
  batch_builder rows(schema_of);
  std::vector<std::uint32_t> decoded;
  std::vector<decode_failure> failures;
  (*decoder)->decode(records, 0, records.size(), rows, decoded, failures);
  CHECK(failures.empty());
  CHECK(decoded.size() == 5000);
  CHECK(all.records[0].starts_with(R"("01025099999","2022-06-24T00:00:00","4",)"));
  CHECK(all.records[1].starts_with(R"("01025099999","2022-06-24T00:01:00","4",)"));
  CHECK(all.records[0].find(R"("A ""B"", NO")") != std::string::npos);
  std::size_t missing = 0, bad = 0, summaries = 0;
  for (const auto& record : all.records) {
    missing += record.find(R"("+9999,9",)") != std::string::npos;
    bad += record.find(R"("+0540,)") != std::string::npos || record.find(R"("-0750,)") != std::string::npos;
    summaries += record.find("\"SOD  \"") != std::string::npos;
  }
  CHECK((missing > 60 && missing < 200));
  CHECK((bad > 20 && bad < 100));
  CHECK((summaries > 5 && summaries < 60));
}

TEST_CASE("simulated weather never runs ahead of the clock, and goes on in real time once it has caught up") {
  clock_us = noon_us;
  auto source = opened(simulated({{"instrument", "weather-station"},
                                  {"rate", "10"},
                                  {"speed", "600"},
                                  {"start", format_timestamp(noon_us - 600 * us_per_s)}}),
                       context_for({}, "csv"));
  std::size_t count = 0;
  for (int i = 0; i < 100; ++i) {
    count += take(*source).size();
    clock_us += us_per_s / 10;
  }
  CHECK(count == 11);  // one a minute of event time
  for (int i = 0; i < 60; ++i) {
    clock_us += us_per_s;
    count += take(*source).size();
  }
  CHECK(count == 12);
}

TEST_CASE("without a start the first open decides it, and restarts keep it") {
  clock_us = noon_us;
  const auto spec = simulated({{"instrument", "weather-station"}, {"speed", "1"}, {"rate", "1"}});
  auto source = opened(spec, context_for({}, "csv"));
  const auto chunk = source->pull({});
  REQUIRE(chunk->records.size() == 1);
  clock_us += 1000 * us_per_s;
  source = opened(spec, context_for({}, "csv"), chunk->position);
  const auto next = take(*source);
  REQUIRE(next.size() == 1);
  CHECK(next[0].find(format_timestamp(noon_us + us_per_s).substr(0, 19)) != std::string::npos);
}

TEST_CASE("a chunk names its format and header where the stream has another") {
  clock_us = noon_us;
  const auto spec = simulated({{"instrument", "weather-station"}});
  CHECK(opened(spec, context_for({}, "json"))->pull({})->format == "csv");
  CHECK(opened(spec, context_for({}, "csv"))->pull({})->format.empty());
  CHECK(opened(spec, context_for({}, "csv"))->pull({})->context.starts_with("\"STATION\""));
  CHECK(opened(simulated({{"instrument", "sock-camera"}}), context_for({}, "json"))->pull({})->format.empty());
  auto context = context_for({}, "csv");
  context.stream_format.options.emplace("delimiter", ";");
  CHECK(check_source(spec, context).error().message.find("delimiter") != std::string::npos);
}

TEST_CASE("stations report in turns") {
  clock_us = noon_us;
  const auto all = run_to_end(simulated({{"instrument", "weather-station"},
                                         {"rate", "30"},
                                         {"count", "6"},
                                         {"stations", "3"},
                                         {"station", "7"},
                                         {"start", "2022-01-01"}}),
                              "csv");
  REQUIRE(all.records.size() == 6);
  for (std::size_t i = 0; i < 6; ++i) {
    CHECK(all.records[i].starts_with(fmt::format(R"("{:011}","2022-01-01T00:0{}:00")", 7 + i % 3, i / 3)));
  }
}

TEST_CASE("a damaged position of a simulated source is refused") {
  clock_us = noon_us;
  for (const auto* position :
       {"x", "{}", R"({"v":1,"next":-1,"start":0})", R"({"v":9,"next":1,"start":0})", R"({"v":1,"next":1})"}) {
    auto source = make_connector(simulated({{"instrument", "sock-camera"}}), context_for({})).value();
    const auto status = source->open(position);
    REQUIRE_FALSE(status);
    CHECK(status.error().code == errc::corrupt);
  }
}

TEST_CASE("a simulated source that waits says when its next record is due, at any rate") {
  for (const auto& [rate, speed] : std::vector<std::pair<std::string, std::string>>{
           {"0.5", ""}, {"3", ""}, {"700", ""}, {"10", "1"}, {"10", "600"}}) {
    clock_us = noon_us;
    auto options = option_map{{"instrument", speed.empty() ? "sock-camera" : "weather-station"}, {"rate", rate}};
    if (!speed.empty()) options["speed"] = speed;
    if (!speed.empty()) options["start"] = format_timestamp(noon_us - us_per_s);
    auto source = opened(simulated(options), context_for({}, speed.empty() ? "json" : "csv"));
    CAPTURE(rate, speed);
    for (int i = 0; i < 30; ++i) {
      while (source->pull({})->records.size() > 0) {
      }
      const auto empty = source->pull({});
      REQUIRE(empty->records.size() == 0);
      CHECK(empty->least_pause == empty->longest_pause);
      REQUIRE(empty->least_pause.count() >= 1'000);
      if (empty->least_pause.count() > 1'001) {  // else it may have been due sooner
        clock_us += empty->least_pause.count() - 2;
        CHECK(source->pull({})->records.size() == 0);
        clock_us += 2;
      } else {
        clock_us += empty->least_pause.count();
      }
      if (empty->least_pause < std::chrono::minutes(1)) CHECK(source->pull({})->records.size() > 0);
    }
  }
}

#include "runtime/metrics/registry.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <optional>
#include <thread>

using namespace weir;

namespace {
bool has(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}
}  // namespace

TEST_CASE("a counter is read when it is scraped") {
  metrics_registry registry;
  std::atomic<std::uint64_t> records{3};
  metric_group group(registry, {{"shard", "0"}});
  group.counter("weir_ingest_records_total", "Records taken", records, {{"stream", "camera"}});
  CHECK(has(registry.text(), R"(weir_ingest_records_total{shard="0",stream="camera"} 3)"));
  records = 5;
  CHECK(has(registry.text(), R"(weir_ingest_records_total{shard="0",stream="camera"} 5)"));
  CHECK(has(registry.text(), "# TYPE weir_ingest_records_total counter"));
  CHECK(has(registry.text(), "# HELP weir_ingest_records_total Records taken"));
}

TEST_CASE("a metric ends with its registration, also when the registry went first") {
  auto registry = std::make_unique<metrics_registry>();
  auto held = registry->gauge("weir_queue_bytes", "Bytes that wait", {}, [] { return 7.0; });
  REQUIRE(held);
  CHECK(has(registry->text(), "weir_queue_bytes 7"));
  *held = metric_registration();
  CHECK(registry->text().find("weir_queue_bytes") == std::string::npos);
  auto again = registry->gauge("weir_queue_bytes", "Bytes that wait", {}, [] { return 8.0; });
  REQUIRE(again);
  registry.reset();
  *again = metric_registration();
}

TEST_CASE("a label set over the family's limit is refused and counted") {
  metrics_registry registry(2);
  std::vector<metric_registration> held;
  for (int i = 0; i < 2; ++i) {
    auto r = registry.gauge("weir_lag_seconds", "Lag", {{"source", std::to_string(i)}}, [] { return 1.0; });
    REQUIRE(r);
    held.push_back(*r);
  }
  for (int i = 2; i < 5; ++i) {
    auto r = registry.gauge("weir_lag_seconds", "Lag", {{"source", std::to_string(i)}}, [] { return 1.0; });
    REQUIRE_FALSE(r);
    CHECK(r.error().code == errc::limit_exceeded);
  }
  CHECK(has(registry.text(), R"(weir_metrics_refused_total{family="weir_lag_seconds"} 3)"));
  CHECK(registry.text().find(R"(source="2")") == std::string::npos);
  held.pop_back();
  CHECK(registry.gauge("weir_lag_seconds", "Lag", {{"source", "9"}}, [] { return 1.0; }));
}

TEST_CASE("names and labels outside the rules are refused with the reason") {
  metrics_registry registry;
  const auto zero = [] { return 0.0; };
  CHECK(registry.gauge("records", "", {}, zero).error().code == errc::invalid_argument);
  CHECK(registry.gauge("weir_Records", "", {}, zero).error().code == errc::invalid_argument);
  CHECK(registry.gauge("weir_", "", {}, zero).error().code == errc::invalid_argument);
  CHECK(registry.counter("weir_records", "", {}, zero).error().code == errc::invalid_argument);
  CHECK(registry.gauge("weir_records_total", "", {}, zero).error().code == errc::invalid_argument);
  CHECK(registry.gauge("weir_records", "", {{"le", "1"}}, zero).error().code == errc::invalid_argument);
  CHECK(registry.gauge("weir_records", "", {{"__name", "1"}}, zero).error().code == errc::invalid_argument);
  auto held = registry.gauge("weir_records", "a", {}, zero);
  REQUIRE(held);
  CHECK(registry.gauge("weir_records", "a", {}, zero).error().code == errc::already_exists);
  CHECK(registry.gauge("weir_records", "other", {{"a", "b"}}, zero).error().code == errc::invalid_argument);
}

TEST_CASE("a histogram's buckets are cumulative and end with everything") {
  metrics_registry registry;
  histogram commits({0.01, 0.1});
  for (const double s : {0.005, 0.01, 0.05, 3.0}) commits.observe(s);
  metric_group group(registry);
  group.histogram_of("weir_commit_seconds", "Time of a commit", commits);
  const std::string text = registry.text();
  CHECK(has(text, R"(weir_commit_seconds_bucket{le="0.01"} 2)"));
  CHECK(has(text, R"(weir_commit_seconds_bucket{le="0.1"} 3)"));
  CHECK(has(text, R"(weir_commit_seconds_bucket{le="+Inf"} 4)"));
  CHECK(has(text, "weir_commit_seconds_count 4"));
  CHECK(commits.read().sum == Approx(3.065));
}

TEST_CASE("label values with quotes and line ends are escaped") {
  metrics_registry registry;
  metric_group group(registry);
  group.gauge("weir_odd", "Odd", [] { return 1.0; }, {{"name", "a\"b\nc\\"}});
  CHECK(has(registry.text(), R"(weir_odd{name="a\"b\nc\\"} 1)"));
}

TEST_CASE("observing and scraping from several threads loses nothing") {
  metrics_registry registry;
  histogram h(histogram::seconds());
  metric_group group(registry);
  group.histogram_of("weir_work_seconds", "Work", h);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&h] {
      for (int i = 0; i < 10'000; ++i) h.observe(0.5);
    });
  }
  for (int i = 0; i < 20; ++i) CHECK_FALSE(registry.text().empty());
  for (auto& t : threads) t.join();
  CHECK(has(registry.text(), "weir_work_seconds_count 40000"));
  CHECK(h.read().sum == 20'000.0);
}

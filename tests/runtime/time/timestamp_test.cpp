#include "runtime/time/timestamp.hpp"

#include <catch2/catch.hpp>
#include <limits>
#include <random>

namespace weir {
namespace {

std::int64_t at(std::string_view text) {
  const auto parsed = parse_timestamp(text);
  INFO(text);
  REQUIRE(parsed);
  return *parsed;
}

std::int64_t length(std::string_view text) {
  const auto parsed = parse_interval(text);
  INFO(text);
  REQUIRE(parsed);
  return *parsed;
}

TEST_CASE("timestamps are read in every spelling of ISO 8601 that instruments use") {
  const std::int64_t ten = 1'577'872'800LL * us_per_s;
  CHECK(at("1970-01-01") == 0);
  CHECK(at("2020-01-01") == ten - 10 * 3600 * us_per_s);
  for (const auto* text : {"2020-01-01T10:00", "2020-01-01 10:00:00", "2020-01-01T10:00:00Z", "2020-01-01t10:00:00z",
                           "2020-01-01T10:00:00.000000+00:00", "2020-01-01T12:00:00+02", "2020-01-01T12:00:00+0200",
                           "2020-01-01T12:00:00+02:00", "2020-01-01T04:30:00-05:30", "2019-12-31 23:00:00-11"})
    CHECK(at(text) == ten);
  CHECK(at("2020-01-01T10:00:00.5Z") == ten + 500'000);
  CHECK(at("2020-01-01T10:00:00.123456") == ten + 123'456);
  CHECK(at("2020-01-01T10:00:00.123456499Z") == ten + 123'456);
  CHECK(at("2020-01-01T10:00:00.123456500Z") == ten + 123'457);
  CHECK(at("2019-12-31T23:59:59.9999999Z") == at("2020-01-01"));
  CHECK(at("0001-01-01") == timestamp_min_us);
  CHECK(at("9999-12-31T23:59:59.999999Z") == timestamp_max_us);
  CHECK(at("2000-02-29") == 951'782'400LL * us_per_s);
}

TEST_CASE("texts that are no timestamp are refused") {
  for (const auto* text : {"",
                           "2020",
                           "2020-01",
                           "2020-1-1",
                           "2020-13-01",
                           "2020-00-01",
                           "2020-02-30",
                           "2019-02-29",
                           "1900-02-29",
                           "0000-01-01",
                           "10000-01-01",
                           "2020-01-01T",
                           "2020-01-01T10",
                           "2020-01-01T24:00",
                           "2020-01-01T10:60",
                           "2020-01-01T10:00:60",
                           "2020-01-01T10:00:00.",
                           "2020-01-01T10:00:00.1234567890123",
                           "2020-01-01T10:00:00ZZ",
                           "2020-01-01T10:00:00+2",
                           "2020-01-01T10:00:00+16",
                           "2020-01-01T10:00:00+02:60",
                           "2020-01-01T10:00:00+02:",
                           "2020-01-01 ",
                           " 2020-01-01",
                           "2020-01-01Z",
                           "now",
                           "-001-01-01",
                           "0001-01-01T00:00:00+01",
                           "9999-12-31T23:59:59.9999999Z",
                           "9999-12-31T23:59:59-01"}) {
    INFO(text);
    const auto parsed = parse_timestamp(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code == errc::parse_error);
  }
}

TEST_CASE("every timestamp comes back from its own text") {
  std::mt19937_64 random(11);
  std::uniform_int_distribution<std::int64_t> any(timestamp_min_us, timestamp_max_us);
  for (int i = 0; i < 200'000; ++i) {
    std::int64_t us = any(random);
    if (i % 3 == 1) us = floor_to(us, us_per_s);
    if (i % 3 == 2) us = floor_to(us, us_per_ms);
    const std::string text = format_timestamp(us);
    REQUIRE(at(text) == us);
    REQUIRE(text.size() == (us % us_per_s == 0 ? 20U : us % us_per_ms == 0 ? 24U : 27U));
    REQUIRE(from_civil(to_civil(us)) == us);
  }
}

TEST_CASE("days follow each other through every month of 800 years") {
  civil_time before = to_civil(at("1600-01-01") - us_per_day);
  for (std::int64_t us = at("1600-01-01"); us < at("2400-01-01"); us += us_per_day) {
    const civil_time t = to_civil(us);
    REQUIRE(t.day_of_week == (before.day_of_week + 1) % 7);
    REQUIRE(((t.day == before.day + 1 && t.month == before.month) || t.day == 1));
    REQUIRE((t.day_of_year == before.day_of_year + 1 || (t.day_of_year == 1 && t.month == 1 && t.day == 1)));
    before = t;
  }
  const civil_time t = to_civil(-1);
  CHECK((t.year == 1969 && t.month == 12 && t.day == 31 && t.hour == 23 && t.minute == 59 && t.second == 59));
  CHECK((t.microsecond == 999'999 && t.day_of_week == 3 && t.day_of_year == 365));
}

TEST_CASE("intervals are read in words and as a clock") {
  CHECK(length("5 seconds") == 5 * us_per_s);
  CHECK(length("2 s") == 2 * us_per_s);
  CHECK(length("2s") == 2 * us_per_s);
  CHECK(length("1 hour 30 minutes") == 5'400 * us_per_s);
  CHECK(length("100 ms") == 100'000);
  CHECK(length("1 Day") == us_per_day);
  CHECK(length("-3 s") == -3 * us_per_s);
  CHECK(length("00:05:00") == 300 * us_per_s);
  CHECK(length("-00:05") == -300 * us_per_s);
  CHECK(length("1 day -02:00:00.5") == us_per_day - 7'200 * us_per_s - 500'000);
  CHECK(length("1.5 hours") == 5'400 * us_per_s);
  CHECK(length("0.25 ms") == 250);
  CHECK(length(" 2 weeks 3 usecs ") == 14 * us_per_day + 3);
  CHECK(length("0 s") == 0);
}

TEST_CASE("texts that are no interval say why") {
  const auto why = [](std::string_view text) { return parse_interval(text).error().message; };
  CHECK_THAT(why("1 month"), Catch::Contains("no fixed length"));
  CHECK_THAT(why("2 years"), Catch::Contains("no fixed length"));
  CHECK_THAT(why("5"), Catch::Contains("without its unit"));
  CHECK_THAT(why("5 parsecs"), Catch::Contains("unknown unit 'parsecs'"));
  CHECK_THAT(why(""), Catch::Contains("empty"));
  CHECK_THAT(why("0.5 us"), Catch::Contains("finer"));
  CHECK_THAT(why("0.1234567 s"), Catch::Contains("more than 6 digits"));
  CHECK_THAT(why("9999999999999 days"), Catch::Contains("64 bits"));
  CHECK_THAT(why("99999999999999999999 s"), Catch::Contains("expected a number"));
  CHECK_THAT(why("00:61"), Catch::Contains("HH:MM"));
  CHECK_THAT(why("soon"), Catch::Contains("expected a number"));
  CHECK_THAT(why("--1 s"), Catch::Contains("expected a number"));
}

TEST_CASE("every interval comes back from its own text") {
  CHECK(format_interval(0) == "00:00:00");
  CHECK(format_interval(us_per_day) == "1 day");
  CHECK(format_interval(us_per_day + 7'384 * us_per_s + 500'000) == "1 day 02:03:04.5");
  CHECK(format_interval(-90 * us_per_s) == "-00:01:30");
  CHECK(format_interval(-us_per_day - us_per_s) == "-1 days -00:00:01");
  std::mt19937_64 random(12);
  for (int i = 0; i < 100'000; ++i) {
    const auto us = static_cast<std::int64_t>(random()) >> (random() % 64);
    REQUIRE(length(format_interval(us)) == us);
  }
  for (const auto us : {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()})
    CHECK(length(format_interval(us)) == us);
}

TEST_CASE("rounding down to a step is right before 1970") {
  STATIC_REQUIRE(floor_to(-1, 10) == -10);
  STATIC_REQUIRE(floor_to(-10, 10) == -10);
  STATIC_REQUIRE(floor_to(9, 10) == 0);
  STATIC_REQUIRE(floor_to(9, 10, 3) == 3);
  STATIC_REQUIRE(floor_to(-9, 10, 3) == -17);
}

TEST_CASE("errors of times show any bytes as text") {
  const std::string bytes = "\xff\xfe\n 1";
  CHECK(parse_timestamp(bytes).error().message == R"('\xff\xfe\x0a 1' is no timestamp)");
  CHECK(parse_interval("1 \xc3").error().message.find(R"('1 \xc3' is no interval)") == 0);
}

}  // namespace
}  // namespace weir

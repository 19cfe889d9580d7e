#include "runtime/config/quantity.hpp"

#include <catch2/catch.hpp>
#include <random>

#include "runtime/time/timestamp.hpp"

using namespace weir;

TEST_CASE("sizes are read with their unit") {
  CHECK(parse_size("0").value() == 0);
  CHECK(parse_size("512 B").value() == 512);
  CHECK(parse_size("1 MiB").value() == 1 << 20);
  CHECK(parse_size("1.5KiB").value() == 1536);
  CHECK(parse_size("10 GB").value() == 10'000'000'000);
  CHECK(parse_size("2 TiB").value() == 2LL << 40);
}

TEST_CASE("what is no size is refused with what to write") {
  for (const char* text :
       {"", "MiB", "1 mib", "1 MiBs", "-1 B", "1e3 B", "0.3 B", "99999999999 TiB", "nan", "inf B", "1 MiB ", "0x10"}) {
    INFO(text);
    const auto size = parse_size(text);
    REQUIRE_FALSE(size);
    CHECK(size.error().message.find("'16 MiB'") != std::string::npos);
  }
}

TEST_CASE("what is written for a size is read back as the same size") {
  std::mt19937_64 random(11);
  for (int i = 0; i < 10'000; ++i) {
    const auto bytes = static_cast<std::int64_t>(random() >> (12 + random() % 52));
    INFO(format_size(bytes));
    CHECK(parse_size(format_size(bytes)).value() == bytes);
  }
  CHECK(format_size(16 << 20) == "16 MiB");
  CHECK(format_size(1500) == "1500 B");
}

TEST_CASE("what is written for a duration is read back as the same duration") {
  std::mt19937_64 random(12);
  for (int i = 0; i < 10'000; ++i) {
    std::int64_t us = static_cast<std::int64_t>(random() % 1'000'000);
    for (int n = static_cast<int>(random() % 4); n > 0; --n) us *= n == 3 ? 60 : 1'000;
    INFO(format_duration(us));
    CHECK(parse_interval(format_duration(us)).value() == us);
  }
  CHECK(format_duration(100'000) == "100 ms");
  CHECK(format_duration(7 * us_per_day) == "7 days");
  CHECK(format_duration(60 * us_per_s) == "1 minute");
}

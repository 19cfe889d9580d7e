#include "runtime/format/text_value.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "runtime/time/timestamp.hpp"

namespace weir {
namespace {

using Catch::Contains;

std::string why(data_type type, std::string_view text) {
  column c(type);
  const auto pushed = push_text_value(c, text);
  CHECK(c.size() == (pushed ? 1 : 0));
  return pushed ? "" : pushed.error().text();
}

TEST_CASE("numbers are read with blanks around them, a sign and an exponent") {
  for (const auto* text : {" -122.365", "-122.365 ", "-1.22365e2", "\t-0122.365"})
    CHECK(*parse_double(text) == -122.365);
  CHECK(*parse_double("+0020") == 20.0);
  CHECK(*parse_double(".5") == 0.5);
  CHECK(*parse_double("1e-400") == 0.0);
  CHECK(std::isnan(*parse_double("nan")));
  CHECK(*parse_double("-Infinity") == -std::numeric_limits<double>::infinity());
  CHECK(*parse_double("+inf") == std::numeric_limits<double>::infinity());
  CHECK(std::signbit(*parse_double("-0")));
  for (const auto* text :
       {"", " ", "+", "-", "+-1", "--1", "1 2", "1,5", "0x10", "1e", "1e999", "-1e999", "nan(1)", "infinit", "one"})
    CHECK_FALSE(parse_double(text));
  CHECK(*parse_bigint(" +42 ") == 42);
  CHECK(*parse_bigint("-9223372036854775808") == std::numeric_limits<std::int64_t>::min());
  for (const auto* text : {"", "1.0", "+-1", "9223372036854775808", "1e3", "12a"}) CHECK_FALSE(parse_bigint(text));
}

TEST_CASE("every type has its spelling, and errors show what was found") {
  column booleans(data_type::boolean);
  for (const auto* text : {"true", "T", "Yes", "on", "1", "FALSE", "f", "no", "off", " 0 "})
    REQUIRE(push_text_value(booleans, text));
  for (std::size_t i = 0; i < 10; ++i) CHECK(booleans.ints()[i] == (i < 5 ? 1 : 0));
  CHECK_THAT(why(data_type::boolean, "maybe"), Contains("'maybe'"));
  CHECK_THAT(why(data_type::bigint, "x\xff\n"), Contains("'x\\xff\\x0a'"));
  CHECK_THAT(why(data_type::bigint, std::string(100, '7')), Contains("...'"));
  CHECK_THAT(why(data_type::text, "\xff"), Contains("UTF-8"));
  CHECK_THAT(why(data_type::json, "{"), Contains("no valid JSON"));
  CHECK(why(data_type::json, " {\"a\": 1} ").empty());
  CHECK_THAT(why(data_type::interval, "5"), Contains("unit"));
  CHECK(why(data_type::interval, " 5 s ").empty());
  CHECK(why(data_type::text, "").empty());
  CHECK(*parse_bytea("\\x0aFF") == "\x0a\xff");
  CHECK(parse_bytea("\\x")->empty());
  for (const auto* text : {"", "0aff", "\\x0", "\\xzz", "x00"}) CHECK_FALSE(parse_bytea(text));
}

TEST_CASE("timestamps are ISO texts, and numbers only where the option says so") {
  column c(data_type::timestamptz);
  REQUIRE(push_text_value(c, " 1970-01-01T00:00:01Z ", timestamp_numbers::milliseconds));
  REQUIRE(push_text_value(c, "1000", timestamp_numbers::milliseconds));
  REQUIRE(push_text_value(c, "1.0", timestamp_numbers::seconds));
  for (std::size_t i = 0; i < 3; ++i) CHECK(c.ints()[i] == us_per_s);
  CHECK_FALSE(push_text_value(c, "1000"));
  CHECK_FALSE(push_text_value(c, "soon", timestamp_numbers::seconds));
  CHECK_FALSE(timestamp_from_number(std::numeric_limits<std::int64_t>::max(), timestamp_numbers::seconds));
  CHECK_FALSE(timestamp_from_number(std::nan(""), timestamp_numbers::seconds));
  CHECK(*timestamp_from_number(timestamp_max_us, timestamp_numbers::microseconds) == timestamp_max_us);
  CHECK_FALSE(timestamp_from_number(timestamp_max_us + 1, timestamp_numbers::microseconds));
}

}  // namespace
}  // namespace weir

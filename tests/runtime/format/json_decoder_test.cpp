#include <cmath>
#include <limits>
#include <random>

#include "runtime/format/text_value.hpp"
#include "runtime/time/timestamp.hpp"
#include "tests/runtime/format/format_fixture.hpp"

namespace weir {
namespace {

using Catch::Contains;

const format_spec json{"json", {}};

schema_ptr one(data_type type, bool not_null = false) { return make_schema({{"v", type, not_null}}); }

TEST_CASE("a JSON record fills every type of column") {
  const auto all = make_schema({{"b", data_type::boolean, false},
                                {"i", data_type::bigint, false},
                                {"d", data_type::double_precision, false},
                                {"t", data_type::text, false},
                                {"at", data_type::timestamptz, false},
                                {"len", data_type::interval, false},
                                {"j", data_type::json, false},
                                {"raw", data_type::bytea, false}});
  const auto out = decode_texts(json, all,
                                {R"({"b":true,"i":-9223372036854775808,"d":20.123,"t":"caf\u00e9 \"x\"",)"
                                 R"("at":"2020-01-01T00:00:00Z","len":"5 seconds",)"
                                 R"("j": {"a":[1, 2 ,{}]} ,"raw":"\\x00ff"})",
                                 R"( { "raw" : null , "b" : false , "d" : 7 } )"});
  REQUIRE(out.failures.empty());
  const auto& c = out.rows.columns;
  CHECK((c[0]->ints()[0] == 1 && c[0]->ints()[1] == 0));
  CHECK(c[1]->ints()[0] == std::numeric_limits<std::int64_t>::min());
  CHECK((c[2]->doubles()[0] == 20.123 && c[2]->doubles()[1] == 7.0));
  CHECK(c[3]->text(0) == "caf\xc3\xa9 \"x\"");
  CHECK(c[4]->ints()[0] == 1'577'836'800LL * us_per_s);
  CHECK(c[5]->ints()[0] == 5 * us_per_s);
  CHECK(c[6]->text(0) == R"({"a":[1, 2 ,{}]})");
  CHECK(c[7]->text(0) == std::string_view("\0\xff", 2));
  for (const auto i : {1, 3, 4, 5, 6, 7}) CHECK(c[static_cast<std::size_t>(i)]->is_null(1));
}

TEST_CASE("a value of another type is refused with the field's name and what was found") {
  CHECK(refusal(json, one(data_type::bigint), R"({"v":1.0})") ==
        "field 'v': expected an integer (bigint), found '1.0'");
  CHECK_THAT(refusal(json, one(data_type::bigint), R"({"v":9223372036854775808})"), Contains("64 bits"));
  CHECK(refusal(json, one(data_type::bigint), R"({"v":"1"})") ==
        "field 'v': expected an integer (bigint), found '\"1\"'");
  CHECK_THAT(refusal(json, one(data_type::double_precision), R"({"v":"high"})"), Contains("'v'") && Contains("high"));
  CHECK_THAT(refusal(json, one(data_type::double_precision), R"({"v":1e999})"), Contains("range"));
  CHECK_THAT(refusal(json, one(data_type::double_precision), R"({"v":true})"), Contains("expected a number"));
  CHECK_THAT(refusal(json, one(data_type::text), R"({"v":12})"), Contains("expected a text, found '12'"));
  CHECK_THAT(refusal(json, one(data_type::boolean), R"({"v":1})"), Contains("expected a boolean, found '1'"));
  CHECK_THAT(refusal(json, one(data_type::timestamptz), R"({"v":"yesterday"})"), Contains("yesterday"));
  CHECK_THAT(refusal(json, one(data_type::timestamptz), R"({"v":1700000000})"), Contains("timestamps = 's'"));
  CHECK_THAT(refusal(json, one(data_type::interval), R"({"v":"1 month"})"), Contains("no fixed length"));
  CHECK_THAT(refusal(json, one(data_type::bytea), R"({"v":"\\x0"})"), Contains("pairs of hex digits"));
  CHECK_THAT(refusal(json, one(data_type::text, true), R"({"v":null})"), Contains("'v': is null, but NOT NULL"));
  CHECK_THAT(refusal(json, one(data_type::text, true), R"({"w":1})"), Contains("'v': is absent, but NOT NULL"));
}

TEST_CASE("numbers of any length are read as parse_double and parse_bigint read them") {
  std::mt19937_64 random(20);
  const auto digits = [&random](std::size_t count) {
    std::string out;
    for (std::size_t i = 0; i < count; ++i) out.push_back(static_cast<char>('0' + random() % 10));
    return out;
  };
  for (int round = 0; round < 20'000; ++round) {
    auto number = std::string(random() % 2 == 0 ? "-" : "");
    const auto count = random() % 19;
    number += count == 0 ? "0" : static_cast<char>('1' + random() % 9) + digits(count - 1);
    const auto whole = decode_texts(json, one(data_type::bigint), {R"({"v":)" + number + "}"});
    REQUIRE(whole.failures.empty());
    CHECK(whole.rows.columns[0]->ints()[0] == parse_bigint(number).value());
    if (random() % 4 != 0) number += "." + digits(1 + random() % 18);
    if (random() % 4 == 0) number += "e" + std::to_string(static_cast<int>(random() % 40) - 20);
    const auto real =
        decode_texts(json, one(data_type::double_precision), {R"({"skipped":)" + number + R"(,"v":)" + number + "}"});
    REQUIRE(real.failures.empty());
    const double expected = parse_double(number).value(), found = real.rows.columns[0]->doubles()[0];
    CHECK((found == expected && std::signbit(found) == std::signbit(expected)));
  }
}

TEST_CASE("the texts NaN, Infinity and -Infinity are numbers") {
  const auto out =
      decode_texts(json, one(data_type::double_precision),
                   {R"({"v":"NaN"})", R"({"v":"Infinity"})", R"({"v":"-Infinity"})", R"({"v":-0.0})", R"({"v":-0})"});
  REQUIRE(out.failures.empty());
  const auto d = out.rows.columns[0]->doubles();
  CHECK(std::isnan(d[0]));
  CHECK((d[1] > 0 && std::isinf(d[1]) && d[2] < 0 && std::isinf(d[2])));
  CHECK((std::signbit(d[3]) && std::signbit(d[4])));
  CHECK_FALSE(refusal(json, one(data_type::double_precision), R"({"v":"nan"})").empty());
}

TEST_CASE("numbers become timestamps in the unit that the option names") {
  const auto at = [](const char* unit, const std::string& number) {
    const auto out =
        decode_texts({"json", {{"timestamps", unit}}}, one(data_type::timestamptz), {"{\"v\":" + number + "}"});
    return out.failures.empty() ? out.rows.columns[0]->ints()[0] : -1;
  };
  CHECK(at("s", "1700000000") == 1'700'000'000'000'000);
  CHECK(at("s", "1700000000.123456") == 1'700'000'000'123'456);
  CHECK(at("ms", "1700000000001") == 1'700'000'000'001'000);
  CHECK(at("us", "1700000000000001") == 1'700'000'000'000'001);
  CHECK(at("s", "1.7e9") == 1'700'000'000'000'000);
  CHECK(at("s", "1e300") == -1);
  CHECK(at("s", "253402300800") == -1);
  CHECK(at("ms", "99999999999999999999") == -1);
  CHECK(at("ms", "\"1970-01-01T00:00:01Z\"") == us_per_s);
}

TEST_CASE("what is no JSON object is refused, whatever is wrong with it") {
  const auto s = one(data_type::bigint);
  for (const auto* text : {"",
                           " ",
                           "[1]",
                           "1",
                           "null",
                           "{",
                           "{\"v\"",
                           "{\"v\":",
                           "{\"v\":1",
                           "{\"v\":1,",
                           "{\"v\":1,}",
                           "{\"v\" 1}",
                           "{v:1}",
                           "{\"v\":1} x",
                           "{\"v\":1}{}",
                           "{\"v\":01}",
                           "{\"v\":+1}",
                           "{\"v\":1,\"x\":[1,2,}",
                           "{\"v\":1,\"x\":{\"a\":}}",
                           "{\"v\":1,\"x\":\"\\q\"}",
                           "{\"v\":1,\"x\":tru}",
                           "{\"v\":1,\"x\":nul}",
                           "{\"v\":1,\"x\":\"\xff\"}",
                           "{\"v\":1,\"x\":\"\x01\"}",
                           "{\"v\":nul}",
                           "{\"v\":1,\"x\":[1}]}"}) {
    INFO(text);
    CHECK_FALSE(refusal(json, s, text).empty());
  }
  std::string deep = "{\"v\":1,\"x\":";
  for (int i = 0; i < 200; ++i) deep += '[';
  CHECK_THAT(refusal(json, s, deep), Contains("at most 128"));
}

TEST_CASE("without validate_all the parts that no column needs are not looked at") {
  const auto s = one(data_type::bigint);
  CHECK(refusal(json, s, R"({"v":1,"x":[1,2,})", "", false).empty());
  CHECK_FALSE(refusal(json, s, R"({"v":x})", "", false).empty());
  CHECK_FALSE(refusal(json, s, R"({"w":1)", "", false).empty());
}

TEST_CASE("of a name that occurs twice the first value counts, validated or not") {
  for (const bool validate_all : {true, false}) {
    const auto out =
        decode_texts(json, one(data_type::bigint), {R"({"v":1,"v":2})", R"({"v":null,"v":2})"}, "", validate_all);
    CHECK(out.rows.columns[0]->ints()[0] == 1);
    CHECK(out.rows.columns[0]->is_null(1));
  }
}

TEST_CASE("names may be escaped, in any order, and change from record to record") {
  const auto s = make_schema({{"name", data_type::bigint, false}, {"\"q\"", data_type::bigint, false}});
  const auto out =
      decode_texts(json, s,
                   {R"({"name":1,"\"q\"":2})", R"({"\u006eame":3,"x":0,"\"q\"":4})", R"({"\"q\"" : 6, "name" : 5})",
                    R"({"nam":0,"names":0,"name":7,"\"q\"":8})", R"({"name":9,"\"q\"":10})"});
  REQUIRE(out.failures.empty());
  for (std::size_t row = 0; row < 5; ++row) {
    CHECK(out.rows.columns[0]->ints()[row] == static_cast<std::int64_t>(2 * row + 1));
    CHECK(out.rows.columns[1]->ints()[row] == static_cast<std::int64_t>(2 * row + 2));
  }
}

TEST_CASE("a bad record takes nothing of its neighbours with it") {
  const auto s = make_schema({{"a", data_type::text, false}, {"b", data_type::bigint, true}});
  const auto out = decode_texts(json, s,
                                {R"({"a":"one","b":1})", R"({"a":"bad","b":"x"})", R"({"a":null,"b":2})",
                                 "{\"a\":\"\xff\",\"b\":3}", R"({"b":4})", R"({"a":"bad"})", R"({"a":"six","b":6})"});
  CHECK(out.decoded == std::vector<std::uint32_t>{0, 2, 4, 6});
  REQUIRE(out.failures.size() == 3);
  CHECK((out.failures[0].record == 1 && out.failures[1].record == 3 && out.failures[2].record == 5));
  CHECK(out.rows.columns[0]->text(0) == "one");
  CHECK(out.rows.columns[0]->is_null(1));
  CHECK(out.rows.columns[0]->is_null(2));
  CHECK(out.rows.columns[0]->text(3) == "six");
  CHECK(out.rows.columns[1]->ints()[3] == 6);
}

TEST_CASE("a character split between two records is invalid in both") {
  const auto s = one(data_type::text);
  const auto out = decode_texts(json, s, {"{\"v\":\"\xc3", "\xa9\"}", R"({"v":"good"})"});
  CHECK(out.decoded == std::vector<std::uint32_t>{2});
  // Together the bytes are valid; one by one they are not.
  const auto raw = decode_texts(json, s, {"{\"v\":\"x\"}\xc3", "\xa9{\"v\":\"y\"}"});
  CHECK((raw.decoded.empty() && raw.failures[1].reason.find("UTF-8") != std::string::npos));
}

TEST_CASE("both modes give the same rows for records that are valid") {
  const auto s =
      make_schema({{"a", data_type::text, false}, {"b", data_type::bigint, false}, {"c", data_type::json, false}});
  std::mt19937_64 random(31);
  const std::vector<std::string> parts{R"("a":"x")",         R"("a":"\u0041")",   R"("b":17)",     R"("b":null)",
                                       R"("c":[1,{"b":2}])", R"("z":{"a":"no"})", R"("zz":1e400)", R"("":"")"};
  std::vector<std::string> texts;
  for (int i = 0; i < 5'000; ++i) {
    std::string text = "{";
    for (auto n = random() % 7; n > 0; --n) text += (text.size() > 1 ? "," : "") + parts[random() % parts.size()];
    texts.push_back(text + "}");
  }
  const auto full = decode_texts(json, s, texts, "", true);
  const auto fast = decode_texts(json, s, texts, "", false);
  REQUIRE(full.failures.empty());
  REQUIRE(full.decoded == fast.decoded);
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t row = 0; row < full.rows.rows; ++row) {
      REQUIRE(full.rows.columns[c]->is_null(row) == fast.rows.columns[c]->is_null(row));
      if (c != 1) REQUIRE(full.rows.columns[c]->text(row) == fast.rows.columns[c]->text(row));
      if (c == 1) REQUIRE(full.rows.columns[c]->ints()[row] == fast.rows.columns[c]->ints()[row]);
    }
  }
}

}  // namespace
}  // namespace weir

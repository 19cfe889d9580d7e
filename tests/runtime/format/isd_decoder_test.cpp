#include "runtime/time/timestamp.hpp"
#include "tests/runtime/format/format_fixture.hpp"

namespace weir {
namespace {

using Catch::Contains;

const format_spec isd{"isd", {}};

// 105 bytes and the 14 that are declared.
std::string sample() {
  return "0014014160999992016010100004+58950-005733FM-12+007299999V0209999C999999999999N999999999+00731+"
         "00291101231ADDAA1060000"
         "91";
}

schema_ptr all_as_text() {
  std::vector<field> fields;
  for (const auto* name : {"STATION", "Date", "source", "LATITUDE", "longitude", "elevation", "report_type",
                           "call_sign", "quality_control", "WND", "cig", "vis", "TMP", "dew", "slp", "name"})
    fields.push_back({name, data_type::text, false});
  return make_schema(std::move(fields));
}

TEST_CASE("ISD fields have the names and texts of NOAA's CSV") {
  const auto out = decode_texts(isd, all_as_text(), {sample()});
  REQUIRE(out.failures.empty());
  const std::vector<std::string> expected{
      "01416099999", "2016-01-01T00:00:00", "4",           "58.95",        "-5.733",  "72.0",    "FM-12",  "99999",
      "V020",        "999,9,C,9999,9",      "99999,9,9,N", "999999,9,9,9", "+0073,1", "+0029,1", "10123,1"};
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK(out.rows.columns[i]->text(0) == expected[i]);
  CHECK(out.rows.columns[15]->is_null(0));
}

TEST_CASE("the column's type decides how an ISD field is read") {
  const auto s = make_schema({{"date", data_type::timestamptz, true},
                              {"latitude", data_type::double_precision, false},
                              {"longitude", data_type::double_precision, false},
                              {"elevation", data_type::double_precision, false},
                              {"source", data_type::bigint, false}});
  std::string missing = sample();
  missing.replace(28, 13, "+99999+999999").replace(46, 5, "+9999");
  std::string zero = sample();
  zero.replace(28, 13, "+00000-000500").replace(46, 5, "-0001");
  const auto out = decode_texts(isd, s, {sample(), missing, zero});
  REQUIRE(out.failures.empty());
  CHECK(out.rows.columns[0]->ints()[0] == *parse_timestamp("2016-01-01T00:00:00Z"));
  CHECK((out.rows.columns[1]->doubles()[0] == 58.95 && out.rows.columns[2]->doubles()[0] == -5.733));
  CHECK(out.rows.columns[3]->doubles()[0] == 72.0);
  CHECK(out.rows.columns[4]->ints()[0] == 4);
  for (std::size_t i = 1; i <= 3; ++i) CHECK(out.rows.columns[i]->is_null(1));
  CHECK((out.rows.columns[1]->doubles()[2] == 0.0 && out.rows.columns[2]->doubles()[2] == -0.5));
  CHECK(out.rows.columns[3]->doubles()[2] == -1.0);
}

TEST_CASE("an ISD record that is cut, longer or no record is refused") {
  const auto s = make_schema({{"tmp", data_type::text, false}, {"latitude", data_type::double_precision, true}});
  const std::string good = sample();
  CHECK(refusal(isd, s, good).empty());
  CHECK(refusal(isd, s, good + "  \r").empty());
  CHECK(refusal(isd, s, good.substr(0, 118)) == "the record declares 119 bytes, found 118");
  CHECK(refusal(isd, s, good + "x") == "the record declares 119 bytes, found 120");
  CHECK(refusal(isd, s, good.substr(0, 104)) == "expected at least 105 bytes, found 104");
  std::string bad = good;
  bad[1] = 'x';
  CHECK_THAT(refusal(isd, s, bad), Contains("length"));
  bad = good;
  bad[19] = '9';
  CHECK_THAT(refusal(isd, s, bad), Contains("field 'date'") && Contains("2016-91-01"));
  bad = good;
  bad[30] = 'x';
  CHECK_THAT(refusal(isd, s, bad), Contains("field 'latitude'") && Contains("+5x950"));
  bad = good;
  bad[90] = '\xff';
  CHECK_THAT(refusal(isd, s, bad), Contains("ASCII") && Contains("byte 91"));
  bad = good;
  bad.replace(28, 6, "+99999");
  CHECK_THAT(refusal(isd, s, bad), Contains("'latitude': is missing, but NOT NULL"));
}

}  // namespace
}  // namespace weir

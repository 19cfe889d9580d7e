#include "runtime/format/record_decoder.hpp"

#include <random>

#include "runtime/format/text_value.hpp"
#include "tests/runtime/format/format_fixture.hpp"

namespace weir {
namespace {

using Catch::Contains;

TEST_CASE("records keep their bytes and have padding behind them") {
  raw_records records;
  CHECK((records.size() == 0 && records.byte_count() == 0 && records.all_bytes().empty()));
  const std::vector<std::string> texts{"one", "", "three\n", std::string(1000, 'x')};
  for (const auto& t : texts) records.append(t);
  const auto check = [&texts](const raw_records& r) {
    REQUIRE(r.size() == texts.size());
    for (std::size_t i = 0; i < texts.size(); ++i) {
      CHECK(r[i] == texts[i]);
      CHECK(r.readable_from(i) >= texts[i].size() + raw_records::padding);
    }
  };
  check(records);
  check(raw_records::adopt(std::string(records.all_bytes()), 0, records.ends()));
  auto behind_others = raw_records::adopt("abc" + std::string(records.all_bytes()), 3, records.ends());
  check(behind_others);
  behind_others.append("one more");
  CHECK(behind_others[behind_others.size() - 1] == "one more");
  CHECK(behind_others.readable_from(behind_others.size() - 1) == 8 + raw_records::padding);
  records.clear();
  CHECK((records.size() == 0 && records.byte_count() == 0));
  for (const auto& t : texts) records.append(t);
  check(records);
  CHECK(raw_records::adopt("", 0, {}).size() == 0);
}

TEST_CASE("a raw record is its only column") {
  const auto bytes = make_schema({{"v", data_type::bytea, true}});
  const auto text = make_schema({{"v", data_type::text, true}});
  const std::string binary("\0\xff", 2);
  CHECK(decode_texts({"raw", {}}, bytes, {binary}).rows.columns[0]->text(0) == binary);
  const auto out = decode_texts({"raw", {}}, text, {"caf\xc3\xa9", binary, ""});
  CHECK(out.decoded == std::vector<std::uint32_t>{0, 2});
  CHECK_THAT(out.failures[0].reason, Contains("field 'v'") && Contains("UTF-8"));
}

TEST_CASE("a format is checked before anything is stored") {
  const schema one{{{"v", data_type::text, false}}};
  const schema two{{{"v", data_type::text, false}, {"w", data_type::bigint, true}}};
  const auto error_of = [](const format_spec& spec, const schema& s) {
    const auto checked = check_format(spec, s);
    return checked ? "" : checked.error().text();
  };
  for (const auto* name : {"json", "ndjson", "csv"}) CHECK(error_of({name, {{"timestamps", "ms"}}}, two).empty());
  for (const auto* name : {"isd", "raw"}) CHECK(error_of({name, {}}, one).empty());
  CHECK_THAT(error_of({"yaml", {}}, one), Contains("'yaml'") && Contains("json, ndjson, csv, isd, raw"));
  CHECK_THAT(error_of({"json", {{"delimiter", ","}}}, one), Contains("'delimiter'") && Contains("known: timestamps"));
  CHECK_THAT(error_of({"csv", {{"header", "no"}}}, one), Contains("known: delimiter, timestamps"));
  CHECK_THAT(error_of({"isd", {{"timestamps", "ms"}}}, one), Contains("known: none"));
  CHECK_THAT(error_of({"json", {{"timestamps", "hours"}}}, one), Contains("iso, s, ms, us"));
  for (const auto* bad : {"", "ab", "\"", "\n", "\xff"})
    CHECK_FALSE(error_of({"csv", {{"delimiter", bad}}}, one).empty());
  CHECK_THAT(error_of({"raw", {}}, two), Contains("exactly one"));
  CHECK_THAT(error_of({"raw", {}}, schema{{{"v", data_type::bigint, false}}}), Contains("bigint"));
  CHECK_THAT(error_of({"isd", {}}, two), Contains("'w'") && Contains("station, date"));
  CHECK_FALSE(make_record_decoder({"yaml", {}}, std::make_shared<schema>(one), "", true));
}

TEST_CASE("decoding adds to a builder that has rows, from any record on") {
  const auto s = make_schema({{"v", data_type::bigint, false}});
  raw_records records;
  for (int i = 0; i < 10; ++i) records.append("{\"v\":" + std::to_string(i) + "}");
  auto decoder = *make_record_decoder({"json", {}}, s, "", true);
  batch_builder builder(s);
  std::vector<std::uint32_t> decoded;
  std::vector<decode_failure> failures;
  decoder->decode(records, 3, 0, builder, decoded, failures);
  decoder->decode(records, 3, 4, builder, decoded, failures);
  decoder->decode(records, 7, 3, builder, decoded, failures);
  CHECK(decoded == std::vector<std::uint32_t>{3, 4, 5, 6, 7, 8, 9});
  const auto rows = builder.finish();
  for (std::size_t i = 0; i < rows.rows; ++i) CHECK(rows.columns[0]->ints()[i] == static_cast<std::int64_t>(i + 3));
}

TEST_CASE("no bytes whatever crash a decoder, and every row is whole") {
  const auto s = make_schema({{"b", data_type::boolean, false},
                              {"tmp", data_type::bigint, false},
                              {"latitude", data_type::double_precision, false},
                              {"source", data_type::text, false},
                              {"date", data_type::timestamptz, false},
                              {"len", data_type::interval, false},
                              {"j", data_type::json, false},
                              {"raw", data_type::bytea, false}});
  const std::vector<std::string> seeds{
      R"({"b":true,"tmp":1,"latitude":2.5,"source":"x\u00e9","date":1700,"len":"5 s","j":{"a":[1,2]},"raw":"\\x00"})",
      "true,1,2.5,\"x\"\"y\",2020-01-01T00:00:00Z,5 s,\"{}\",\\x00",
      "0000014160999992016010100004+58950-005733FM-12+007299999V0209999C999999999999N999999999+00731+00291101231"};
  const std::string header = "b,tmp,latitude,source,date,len,j,raw";
  std::mt19937_64 random(41);
  for (const auto* name : {"json", "csv", "isd", "raw"}) {
    const bool raw = std::string_view(name) == "raw";
    const auto used = raw ? make_schema({{"v", data_type::text, false}}) : s;
    format_spec spec{name, {}};
    if (name[0] == 'j' || name[0] == 'c') spec.options["timestamps"] = "ms";
    for (const bool validate_all : {true, false}) {
      auto decoder = *make_record_decoder(spec, used, header, validate_all);
      for (int round = 0; round < 400; ++round) {
        raw_records records;
        for (int i = 0; i < 20; ++i) {
          std::string text = seeds[random() % seeds.size()];
          for (auto n = random() % 6; n > 0 && !text.empty(); --n)
            text[random() % text.size()] = static_cast<char>(random());
          if (random() % 4 == 0) text.resize(random() % (text.size() + 1));
          records.append(text);
        }
        const auto out = decode_with(*decoder, used, records);
        if (!validate_all) continue;
        for (std::size_t row = 0; row < out.rows.rows; ++row) {
          for (const auto& c : out.rows.columns)
            if (c->type() == data_type::text || c->type() == data_type::json) REQUIRE(is_valid_utf8(c->text(row)));
        }
      }
    }
  }
}

}  // namespace
}  // namespace weir

#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "runtime/format/csv_writer.hpp"
#include "runtime/format/framer.hpp"
#include "runtime/format/json_writer.hpp"
#include "runtime/time/timestamp.hpp"
#include "tests/runtime/format/format_fixture.hpp"

namespace weir {
namespace {

schema_ptr every_type() {
  return make_schema({{"b", data_type::boolean, false},
                      {"i \"quoted\", with comma", data_type::bigint, false},
                      {"d", data_type::double_precision, false},
                      {"t", data_type::text, false},
                      {"at", data_type::timestamptz, false},
                      {"len", data_type::interval, false},
                      {"j", data_type::json, false},
                      {"raw\\\x01", data_type::bytea, false}});
}

std::string random_text(std::mt19937_64& random) {
  static const std::vector<std::string> letters{"a",
                                                "Z",
                                                "\"",
                                                "\\",
                                                "\n",
                                                "\r",
                                                "\t",
                                                "\x01",
                                                "\x1f",
                                                "\x7f",
                                                ",",
                                                " ",
                                                "\xc3\xa9",
                                                "\xe2\x82\xac",
                                                "\xf0\x9f\x98\x80",
                                                std::string(1, '\0'),
                                                "/",
                                                "0"};
  std::string out;
  for (auto n = random() % 20; n > 0; --n) out += letters[random() % letters.size()];
  return out;
}

double random_double(std::mt19937_64& random) {
  switch (random() % 4) {
    case 0: {
      static const std::vector<double> edges{0.0,
                                             -0.0,
                                             1.0,
                                             0.1,
                                             1e22,
                                             1e-7,
                                             5e-324,
                                             std::numeric_limits<double>::max(),
                                             std::numeric_limits<double>::infinity(),
                                             -std::numeric_limits<double>::infinity(),
                                             std::numeric_limits<double>::quiet_NaN(),
                                             9007199254740993.0};
      return edges[random() % edges.size()];
    }
    case 1: return static_cast<double>(static_cast<std::int64_t>(random() % 2'000'000) - 1'000'000) / 1000;
    default: {
      const double d = std::bit_cast<double>(random());
      return std::isnan(d) ? std::numeric_limits<double>::quiet_NaN() : d;
    }
  }
}

void push_random(std::mt19937_64& random, column& out) {
  static const std::vector<std::string> values{
      R"({"a":[1,2.50,"x\u00e9"]})", "[]", "\"text\"", "-0.0", "true", "1e400"};
  if (random() % 5 == 0) return out.push_null();
  switch (out.type()) {
    case data_type::boolean: return out.push_int(static_cast<std::int64_t>(random() % 2));
    case data_type::bigint:
    case data_type::interval: return out.push_int(static_cast<std::int64_t>(random()) >> (random() % 64));
    case data_type::double_precision: return out.push_double(random_double(random));
    case data_type::timestamptz:
      return out.push_int(std::uniform_int_distribution<std::int64_t>(timestamp_min_us, timestamp_max_us)(random));
    case data_type::text:
    case data_type::bytea: return out.push_text(random_text(random));
    case data_type::json: return out.push_text(values[random() % values.size()]);
  }
}

record_batch random_rows(std::mt19937_64& random, const schema_ptr& s, std::size_t count) {
  batch_builder builder(s);
  for (std::size_t row = 0; row < count; ++row) {
    for (std::size_t i = 0; i < s->fields.size(); ++i) push_random(random, builder.at(i));
    builder.row_done();
  }
  return builder.finish();
}

void require_equal(const record_batch& a, const record_batch& b) {
  REQUIRE(a.rows == b.rows);
  for (std::size_t i = 0; i < a.columns.size(); ++i) {
    const column& x = *a.columns[i];
    const column& y = *b.columns[i];
    for (std::size_t row = 0; row < a.rows; ++row) {
      INFO("column " << i << " row " << row);
      REQUIRE(x.is_null(row) == y.is_null(row));
      if (x.is_null(row)) continue;
      if (is_text_like(x.type()))
        REQUIRE(x.text(row) == y.text(row));
      else if (x.type() == data_type::double_precision)
        REQUIRE(std::bit_cast<std::uint64_t>(x.doubles()[row]) == std::bit_cast<std::uint64_t>(y.doubles()[row]));
      else
        REQUIRE(x.ints()[row] == y.ints()[row]);
    }
  }
}

TEST_CASE("every row comes back from its JSON, bit for bit") {
  std::mt19937_64 random(51);
  const auto s = every_type();
  for (int round = 0; round < 100; ++round) {
    const record_batch rows = random_rows(random, s, 200);
    std::vector<std::string> texts(rows.rows);
    for (std::size_t row = 0; row < rows.rows; ++row) {
      append_json_row(texts[row], rows, row);
      REQUIRE(texts[row].find('\n') == std::string::npos);
    }
    const auto out = decode_texts({"json", {}}, s, texts, "", round % 2 == 0);
    if (!out.failures.empty()) FAIL(out.failures[0].reason << " " << texts[out.failures[0].record]);
    require_equal(rows, out.rows);
  }
}

TEST_CASE("every row comes back from its CSV file, whatever the delimiter") {
  std::mt19937_64 random(52);
  const auto s = every_type();
  for (const char delimiter : {',', ';', '\t', ' ', '0'}) {
    const record_batch rows = random_rows(random, s, 2'000);
    std::string file;
    append_csv_header(file, *s, delimiter);
    for (std::size_t row = 0; row < rows.rows; ++row) append_csv_row(file, rows, row, delimiter);
    const format_spec spec{"csv", {{"delimiter", std::string(1, delimiter)}}};
    auto frames = *make_framer(spec, 1 << 20, "");
    raw_records records;
    std::vector<frame_failure> failures;
    frames->feed(file, records, failures);
    frames->finish(records, failures);
    REQUIRE(failures.empty());
    auto decoder = make_record_decoder(spec, s, frames->context(), true);
    REQUIRE(decoder);
    const auto out = decode_with(**decoder, s, records);
    if (!out.failures.empty()) FAIL(out.failures[0].reason << " " << records[out.failures[0].record]);
    require_equal(rows, out.rows);
  }
}

TEST_CASE("JSON is compact, in the schema's order, and spells values as documented") {
  const auto s = make_schema({{"a", data_type::double_precision, false},
                              {"b", data_type::timestamptz, false},
                              {"c", data_type::interval, false},
                              {"d", data_type::bytea, false},
                              {"e", data_type::json, false},
                              {"f", data_type::text, false}});
  batch_builder builder(s);
  const auto row = [&](double a, std::string_view f) {
    builder.at(0).push_double(a);
    builder.at(1).push_int(500'000);
    builder.at(2).push_int(us_per_day + us_per_s);
    builder.at(3).push_text(std::string_view("\0\xab", 2));
    builder.at(4).push_text("{\n \"x\": 1}");
    builder.at(5).push_text(f);
    builder.row_done();
  };
  row(-0.0, "q\"\\\n\x02");
  row(20, "");
  row(std::numeric_limits<double>::quiet_NaN(), "x");
  const auto rows = builder.finish();
  std::string out;
  append_json_row(out, rows, 0);
  CHECK(out == R"({"a":-0.0,"b":"1970-01-01T00:00:00.500Z","c":"1 day 00:00:01",)"
               R"("d":"\\x00ab","e":{  "x": 1},"f":"q\"\\\n\u0002"})");
  out.clear();
  append_json_value(out, *rows.columns[0], 1);
  append_json_value(out, *rows.columns[0], 2);
  CHECK(out == "20\"NaN\"");
  out.clear();
  append_csv_row(out, rows, 1);
  CHECK(out == "20,1970-01-01T00:00:00.500Z,1 day 00:00:01,\\x00ab,\"{\n \"\"x\"\": 1}\",\"\"\r\n");
}

}  // namespace
}  // namespace weir

// Real files with known answers: NOAA's CSV and fixed-width records, and the camera labels.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "runtime/format/framer.hpp"
#include "runtime/format/text_value.hpp"
#include "runtime/time/timestamp.hpp"
#include "tests/runtime/format/format_fixture.hpp"

namespace weir {
namespace {

const std::filesystem::path data = "../shared/data";

bool data_is_there() {
  if (std::filesystem::exists(data)) return true;
  WARN("real files skipped: ../shared/data is absent");
  return false;
}

std::string read_file(const std::string& name) {
  std::ifstream in(data / name, std::ios::binary);
  REQUIRE(in);
  std::string bytes{std::istreambuf_iterator<char>(in), {}};
  if (!name.ends_with(".gz")) return bytes;
  gzip_inflater inflater;
  std::string_view input = bytes;
  std::string out;
  REQUIRE(inflater.inflate(input, out, 1 << 26));
  REQUIRE((input.empty() && inflater.at_member_end()));
  return out;
}

// Frames in pieces of 4 KiB, decodes in batches of 1,000, as a source would; nothing may fail.
record_batch decode_file(const std::string& name, const format_spec& spec, const schema_ptr& s) {
  const std::string bytes = read_file(name);
  auto frames = *make_framer(spec, 1 << 20, "");
  raw_records records;
  std::vector<frame_failure> broken;
  for (std::size_t at = 0; at < bytes.size(); at += 4096)
    frames->feed(std::string_view(bytes).substr(at, 4096), records, broken);
  frames->finish(records, broken);
  REQUIRE(broken.empty());
  REQUIRE(frames->consumed() == bytes.size());
  auto decoder = make_record_decoder(spec, s, frames->context(), true);
  REQUIRE(decoder);
  batch_builder builder(s);
  std::vector<std::uint32_t> decoded;
  std::vector<decode_failure> failures;
  for (std::size_t first = 0; first < records.size(); first += 1'000)
    (*decoder)->decode(records, first, std::min<std::size_t>(1'000, records.size() - first), builder, decoded,
                       failures);
  if (!failures.empty()) FAIL(failures[0].reason);
  return builder.finish();
}

schema_ptr weather() {
  return make_schema({{"station", data_type::text, true},
                      {"date", data_type::timestamptz, true},
                      {"latitude", data_type::double_precision, false},
                      {"longitude", data_type::double_precision, false},
                      {"elevation", data_type::double_precision, false},
                      {"report_type", data_type::text, true},
                      {"tmp", data_type::text, true}});
}

struct temperatures {
  std::size_t missing = 0;
  std::size_t values = 0;
  std::set<std::int64_t> hours;
  double sum = 0;
  double mean() const { return sum / static_cast<double>(values); }
};

// "+0073,1" is 7.3 degrees Celsius of quality 1; qualities 2, 3, 6 and 7 are suspect or wrong.
temperatures summarize(const record_batch& rows) {
  temperatures out;
  for (std::size_t row = 0; row < rows.rows; ++row) {
    const std::string_view text = rows.columns[6]->text(row);
    REQUIRE(text.size() == 7);
    if (text.starts_with("+9999")) {
      ++out.missing;
      continue;
    }
    if (std::string_view("2367").find(text[6]) != std::string_view::npos) continue;
    ++out.values;
    out.sum += static_cast<double>(*parse_bigint(text.substr(0, 5))) / 10;
    out.hours.insert(floor_to(rows.columns[1]->ints()[row], 3'600 * us_per_s));
  }
  return out;
}

TEST_CASE("NOAA's CSV yields its known temperatures") {
  if (!data_is_there()) return;
  const auto rows = decode_file("noaa/00702699999.csv", {"csv", {}}, weather());
  CHECK(rows.rows == 6'843);
  CHECK(rows.columns[0]->text(0) == "00702699999");
  CHECK(format_timestamp(rows.columns[1]->ints()[0]) == "2017-02-10T14:04:00Z");
  CHECK(format_timestamp(rows.columns[1]->ints()[6'842]) == "2017-08-22T13:29:00Z");
  CHECK(rows.columns[4]->doubles()[0] == 7026.0);
  const auto t = summarize(rows);
  CHECK(t.missing == 3);
  CHECK(t.values == 6'836);
  CHECK(t.hours.size() == 1'804);
  CHECK(t.mean() == Approx(20.234055).margin(5e-7));
}

TEST_CASE("fixed-width ISD yields its known temperatures through the same schema") {
  if (!data_is_there()) return;
  struct known {
    const char* file;
    std::size_t records, values, hours;
    double mean;
  };
  for (const auto& k : {known{"noaa/014160-99999-2016.gz", 7'174, 3'609, 3'609, 10.81975},
                        known{"noaa/104270-99999-1928.gz", 376, 319, 319, 8.08871},
                        known{"noaa/ISD-MISSING.gz", 5'176, 4'999, 4'120, 18.35646}}) {
    INFO(k.file);
    const auto rows = decode_file(k.file, {"isd", {}}, weather());
    CHECK(rows.rows == k.records);
    const auto t = summarize(rows);
    CHECK(t.values == k.values);
    CHECK(t.hours.size() == k.hours);
    CHECK(t.mean() == Approx(k.mean).margin(5e-6));
  }
  const auto first = decode_file("noaa/014160-99999-2016.gz", {"isd", {}}, weather());
  CHECK(first.columns[0]->text(0) == "01416099999");
  CHECK((first.columns[2]->doubles()[0] == 58.95 && first.columns[3]->doubles()[0] == 5.733));
}

TEST_CASE("the camera's labels are 21 records") {
  if (!data_is_there()) return;
  const auto s = make_schema({{"arrival", data_type::timestamptz, true}, {"image", data_type::text, true}});
  const auto rows = decode_file("socks/sequence.ndjson", {"ndjson", {}}, s);
  CHECK(rows.rows == 21);
  std::size_t google = 0;
  for (std::size_t row = 0; row < rows.rows; ++row) {
    const auto window = floor_to(rows.columns[0]->ints()[row], 5 * us_per_s);
    if (rows.columns[1]->text(row) == "Google" && window == *parse_timestamp("2020-01-01T18:10:50Z")) ++google;
  }
  CHECK(google == 9);
}

}  // namespace
}  // namespace weir

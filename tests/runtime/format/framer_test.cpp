#include "runtime/format/framer.hpp"

#include <catch2/catch.hpp>
#include <random>

namespace weir {
namespace {

using Catch::Contains;
using texts = std::vector<std::string>;

struct framed {
  texts records;
  texts reasons;
  texts refused;
  std::string context;
  std::uint64_t consumed = 0;

  bool operator==(const framed&) const = default;
};

const format_spec json{"json", {}};
const format_spec csv{"csv", {}};

framed frame(const format_spec& spec, std::size_t max_record, const texts& pieces, bool end = true,
             std::string_view context = {}) {
  auto made = make_framer(spec, max_record, context);
  REQUIRE(made);
  raw_records records;
  std::vector<frame_failure> failures;
  for (const auto& piece : pieces) (*made)->feed(piece, records, failures);
  if (end) (*made)->finish(records, failures);
  framed out;
  for (std::size_t i = 0; i < records.size(); ++i) out.records.emplace_back(records[i]);
  for (const auto& f : failures) {
    out.reasons.push_back(f.reason);
    out.refused.push_back(f.bytes);
  }
  out.context = (*made)->context();
  out.consumed = (*made)->consumed();
  return out;
}

texts random_pieces(std::mt19937_64& random, std::string_view bytes) {
  texts out;
  while (!bytes.empty()) {
    const std::size_t length = std::min<std::size_t>(bytes.size(), random() % 3 == 0 ? 1 : random() % 12);
    out.emplace_back(bytes.substr(0, length));
    bytes.remove_prefix(length);
  }
  return out;
}

TEST_CASE("lines are records; empty lines, carriage returns and a byte order mark are none") {
  const auto out = frame(json, 100, {"\xef\xbb\xbf{\"a\":1}\r\n\n\r\n{\"a\":2}\n  \nlast"});
  CHECK(out.records == texts{"{\"a\":1}", "{\"a\":2}", "  ", "last"});
  CHECK(out.consumed == 3 + 9 + 1 + 2 + 8 + 3 + 4);
  CHECK(out.reasons.empty());
  CHECK(frame({"raw", {}}, 100, {"\xef\xbb\xbf x\n"}).records == texts{"\xef\xbb\xbf x"});
  CHECK(frame(json, 100, {"\xef\xbb"}).records == texts{"\xef\xbb"});
  CHECK(frame(json, 100, {}).records.empty());
}

TEST_CASE("an unfinished line waits for its end, and the position stays before it") {
  const auto out = frame(json, 100, {"one\ntw"}, false);
  CHECK(out.records == texts{"one"});
  CHECK(out.consumed == 4);
  CHECK(frame(json, 100, {"one\ntw", "o\nthr"}, false).records == texts{"one", "two"});
}

TEST_CASE("a record may be as long as max_record, one byte more is a failure") {
  const auto out = frame(json, 5, {"12345\n12345\r\n123456\n123456789\r\nab\n12345678"});
  CHECK(out.records == texts{"12345", "12345", "ab"});
  CHECK(out.refused == texts{"12345", "12345", "12345"});
  CHECK_THAT(out.reasons[0], Contains("max_record (5 bytes)"));
  CHECK(out.consumed == 6 + 7 + 7 + 11 + 3 + 8);
}

TEST_CASE("a CSV header becomes the context, quoted newlines stay inside their record") {
  const auto out = frame(csv, 100, {"\xef\xbb\xbf\"a\n1\",b\r\n\"x\"\"\n\",5\" pipe\r\n\ny,z\n"});
  CHECK(out.context == "\"a\n1\",b");
  CHECK(out.records == texts{"\"x\"\"\n\",5\" pipe", "y,z"});
  const auto resumed = frame(csv, 100, {"y,z\n"}, true, "a,b");
  CHECK(resumed.context == "a,b");
  CHECK(resumed.records == texts{"y,z"});
  CHECK_FALSE((*make_framer(csv, 100, ""))->context_ready());
  CHECK((*make_framer(csv, 100, "a"))->context_ready());
  CHECK((*make_framer(json, 100, ""))->context_ready());
  CHECK(frame({"csv", {{"delimiter", ";"}}}, 100, {"a;b\n1,\"2\n3;\"\n\"\n"}).records == texts{"1,\"2", "3;\"\n\""});
}

TEST_CASE("a quote that is never closed costs one record, not the rest of the file") {
  const auto out = frame(csv, 20, {"a,b\n1,\"open\n2,2\n3,3 and much more of it\n4,4\n"});
  REQUIRE(out.refused.size() == 1);
  CHECK(out.refused[0] == "1,\"open\n2,2\n3,3 and ");
  CHECK(out.records == texts{"4,4"});
  const auto at_end = frame(csv, 100, {"a,b\n1,\"open\n2,2\n"});
  CHECK(at_end.records.empty());
  CHECK_THAT(at_end.reasons.at(0), Contains("inside a quoted cell"));
  CHECK(at_end.consumed == 16);
}

TEST_CASE("without a readable header no line is taken for one") {
  const auto out = frame(csv, 5, {"a,b,c,d\n1,2\n1234567\n"});
  CHECK(out.records.empty());
  CHECK(out.context.empty());
  REQUIRE(out.reasons.size() == 3);
  CHECK_THAT(out.reasons[0], Contains("header line is longer"));
  CHECK_THAT(out.reasons[1], Contains("was not readable"));
  CHECK_THAT(out.reasons[2], Contains("the record is longer"));
}

TEST_CASE("wherever the pieces end, the records are the same") {
  std::mt19937_64 random(61);
  const std::string letters = "ab,\"\"\n\n\r\xef\xbb\xbf";
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = round % 3 == 0 ? "\xef\xbb\xbf" : "";
    for (auto n = random() % 80; n > 0; --n) bytes += letters[random() % letters.size()];
    const auto& spec = round % 2 == 0 ? csv : json;
    const std::size_t max_record = 1 + random() % 20;
    INFO(bytes);
    const auto whole = frame(spec, max_record, {bytes});
    REQUIRE(frame(spec, max_record, random_pieces(random, bytes)) == whole);
    REQUIRE(whole.consumed == bytes.size());
  }
}

TEST_CASE("a run that stops anywhere resumes at consumed() and misses nothing") {
  std::mt19937_64 random(62);
  const std::string letters = "abc,\"\n\r";
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = "h,i\n";
    for (auto n = random() % 80; n > 0; --n) bytes += letters[random() % letters.size()];
    const auto& spec = round % 2 == 0 ? csv : json;
    const std::size_t max_record = 3 + random() % 20;
    INFO(bytes);
    const auto whole = frame(spec, max_record, {bytes});
    const auto first =
        frame(spec, max_record, random_pieces(random, bytes.substr(0, random() % (bytes.size() + 1))), false);
    auto both = frame(spec, max_record, {bytes.substr(first.consumed)}, true, first.context);
    both.records.insert(both.records.begin(), first.records.begin(), first.records.end());
    both.refused.insert(both.refused.begin(), first.refused.begin(), first.refused.end());
    REQUIRE(both.records == whole.records);
    REQUIRE(both.refused == whole.refused);
    REQUIRE(both.consumed + first.consumed == bytes.size());
  }
}

TEST_CASE("a framer is only made for a known format and a sensible limit") {
  CHECK_FALSE(make_framer({"yaml", {}}, 100, ""));
  CHECK_FALSE(make_framer(json, 0, ""));
  CHECK_FALSE(make_framer(json, std::size_t{1} << 40, ""));
}

TEST_CASE("a byte order mark counts at a file's start alone, also where reading is resumed behind it") {
  const std::string file = "{\"a\":1}\n\xef\xbb\xbf{\"b\":2}\n";
  const auto whole = frame(json, 100, {file});
  CHECK(whole.records[1].starts_with("\xef\xbb\xbf"));
  auto resumed = *make_framer(json, 100, "", false);
  raw_records records;
  std::vector<frame_failure> failures;
  resumed->feed(std::string_view(file).substr(8), records, failures);
  REQUIRE(records.size() == 1);
  CHECK(records[0] == whole.records[1]);
}

}  // namespace
}  // namespace weir

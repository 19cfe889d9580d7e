#include "actors/source/file_connector.hpp"

#include <sys/stat.h>

#include <random>

#include "tests/actors/source/source_fixture.hpp"

using namespace weir;
using namespace weir::source_test;

namespace {

// Reads with random limits, and throws the source away and opens a new one at the last position now and then. A chunk
// that is not accepted must come again.
everything drain_with_restarts(const source_spec& spec, const connector_context& context, std::mt19937_64& random) {
  everything all;
  auto source = opened(spec, context);
  for (int i = 0; i < 1'000'000; ++i) {
    pull_limits limits;
    limits.max_records = 1 + random() % (random() % 4 == 0 ? 1000 : 5);
    limits.max_bytes = 1 + random() % (random() % 4 == 0 ? 100'000 : 200);
    const auto chunk = source->pull(limits);
    clock_us += us_per_s / 2;
    if (!chunk) FAIL(chunk.error().text());
    if (random() % 8 == 0) {
      source = opened(spec, context, all.position);
      continue;
    }
    REQUIRE(chunk->records.size() <= limits.max_records);
    if (chunk->records.size() > 1) REQUIRE(chunk->records.byte_count() <= limits.max_bytes);
    add(all, *chunk);
    if (chunk->ended) return all;
    if (random() % 8 == 0) source = opened(spec, context, all.position);
  }
  FAIL("the source never ended");
  return all;
}

std::string random_cell(std::mt19937_64& random) {
  static const std::vector<std::string> cells{"1", "\"a,b\"", "\"two\nlines\"", "\"say \"\"x\"\"\"", "",
                                              "\"\n\n\"", "long text here"};
  return cells[random() % cells.size()];
}

std::string random_csv(std::mt19937_64& random, int rows) {
  std::string text = random() % 3 == 0 ? "\xef\xbb\xbf" : "";
  if (random() % 3 == 0) text += "\n\r\n";
  text += "a,\"b\nc\",d\n";
  for (int i = 0; i < rows; ++i) {
    text += std::to_string(i) + "," + random_cell(random) + "," + random_cell(random);
    if (i + 1 < rows || random() % 2 == 0) text += random() % 4 == 0 ? "\r\n" : "\n";
  }
  return text;
}

std::string random_ndjson(std::mt19937_64& random, int rows) {
  std::string text;
  for (int i = 0; i < rows; ++i) {
    text += R"({"i":)" + std::to_string(i) + R"(,"x":")" + std::string(random() % 80, 'x') + "\"}";
    if (random() % 10 == 0) text += "\n";
    if (i + 1 < rows || random() % 2 == 0) text += "\n";
  }
  return text;
}

void require_same_with_restarts(const source_spec& spec, const connector_context& context, std::mt19937_64& random) {
  const auto straight = drain(*opened(spec, context));
  REQUIRE(straight.error.empty());
  const auto broken = drain_with_restarts(spec, context, random);
  REQUIRE(broken.records == straight.records);
  REQUIRE(broken.contexts == straight.contexts);
  REQUIRE(broken.failures.size() == straight.failures.size());
  REQUIRE(drain(*opened(spec, context, broken.position)).records.empty());
}

}  // namespace

TEST_CASE("a file read with any limits and restarts gives the records of one straight read") {
  std::mt19937_64 random(7);
  for (int round = 0; round < 60; ++round) {
    temp_folder folder;
    const bool csv = round % 2 == 0;
    const int rows = static_cast<int>(random() % 200);
    std::string text = csv ? random_csv(random, rows) : random_ndjson(random, rows);
    if (round % 3 == 0) text = gzipped(text.substr(0, text.size() / 2)) + gzipped(text.substr(text.size() / 2));
    write_file(folder / "f", text);
    auto context = context_for({folder.text()}, csv ? "csv" : "ndjson");
    context.max_record_bytes = random() % 3 == 0 ? 60 : 1000;
    CAPTURE(round, rows, context.max_record_bytes);
    require_same_with_restarts(file_spec({{"path", folder / "f"}}), context, random);
  }
}

TEST_CASE("a folder read with any limits and restarts gives the records of one straight read, in name order") {
  std::mt19937_64 random(8);
  for (int round = 0; round < 20; ++round) {
    temp_folder folder;
    const int files = static_cast<int>(random() % 30);
    for (int i = 0; i < files; ++i) {
      const std::string text = random_csv(random, static_cast<int>(random() % 10));
      write_file(folder / (std::to_string(i) + ".csv"), random() % 2 == 0 ? text : gzipped(text));
    }
    CAPTURE(round, files);
    require_same_with_restarts(file_spec({{"path", folder / "*.csv"}, {"reorder", "3"}}),
                               context_for({folder.text()}, "csv"), random);
  }
}

TEST_CASE("a CSV file's header is its context and no record") {
  temp_folder folder;
  write_file(folder / "f.csv", "a,b\n1,2\n3,4");
  auto source = opened(file_spec({{"path", folder / "f.csv"}, {"format", "csv"}}), context_for({folder.text()}));
  const auto chunk = source->pull({});
  REQUIRE(chunk);
  CHECK(chunk->records.size() == 2);
  CHECK(chunk->context == "a,b");
  CHECK(chunk->format == "csv");
  CHECK(chunk->ended);
}

TEST_CASE("a chunk holds records of one file only") {
  temp_folder folder;
  write_file(folder / "1", "a\n1\n");
  write_file(folder / "2", "b\n");
  write_file(folder / "3", "c\n3\n");
  auto source = opened(file_spec({{"path", folder.text()}}), context_for({folder.text()}, "csv"));
  const auto first = source->pull({});
  REQUIRE(first);
  CHECK(first->context == "a");
  CHECK(first->records.size() == 1);
  CHECK_FALSE(first->ended);
  const auto second = source->pull({});
  REQUIRE(second);
  CHECK(second->context == "c");
  CHECK(second->records.size() == 1);
  CHECK(second->ended);
}

TEST_CASE("an empty file ends at once, with no record") {
  temp_folder folder;
  write_file(folder / "f", "");
  for (const auto* format : {"csv", "ndjson", "json", "isd", "raw"}) {
    auto source = opened(file_spec({{"path", folder / "f"}, {"format", format}}), context_for({folder.text()}));
    const auto chunk = source->pull({});
    REQUIRE(chunk);
    CHECK(chunk->ended);
    CHECK(chunk->records.size() == 0);
  }
}

TEST_CASE("an empty folder ends at once") {
  temp_folder folder;
  const auto chunk = opened(file_spec({{"path", folder.text()}}), context_for({folder.text()}))->pull({});
  REQUIRE(chunk);
  CHECK(chunk->ended);
}

TEST_CASE("a file that ended stays ended after a restart, though it has grown") {
  temp_folder folder;
  write_file(folder / "f", "{}\n");
  const auto spec = file_spec({{"path", folder / "f"}});
  const auto all = drain(*opened(spec, context_for({folder.text()})));
  CHECK(all.records.size() == 1);
  append_file(folder / "f", "{}\n");
  const auto again = drain(*opened(spec, context_for({folder.text()}), all.position));
  CHECK(again.ended);
  CHECK(again.records.empty());
}

TEST_CASE("a record longer than max_record is a failure, and its neighbours are read") {
  temp_folder folder;
  write_file(folder / "f", "{\"a\":1}\n" + std::string(300'000, 'x') + "\n{\"b\":2}\n");
  auto context = context_for({folder.text()});
  context.max_record_bytes = 100;
  const auto all = drain(*opened(file_spec({{"path", folder / "f"}}), context), {10, 50, {}});
  CHECK(all.records == std::vector<std::string>{"{\"a\":1}", "{\"b\":2}"});
  REQUIRE(all.failures.size() == 1);
  CHECK(all.failures[0].bytes.size() <= 100);
}

TEST_CASE("a header longer than max_record stops the source instead of failing every record") {
  temp_folder folder;
  write_file(folder / "f", std::string(200, 'h') + "\n1\n2\n");
  auto context = context_for({folder.text()}, "csv");
  context.max_record_bytes = 100;
  const auto all = drain(*opened(file_spec({{"path", folder / "f"}}), context));
  CHECK(all.failures.empty());
  CHECK(all.code == errc::limit_exceeded);
  CHECK(all.error.find("header") != std::string::npos);
}

TEST_CASE("a file that changed between two runs is an error that names it, never read again or skipped in silence") {
  temp_folder folder;
  const std::string path = folder / "f.csv";
  write_file(path, "a\n1\n2\n3\n4\n");
  const auto spec = file_spec({{"path", path}});
  const auto context = context_for({folder.text()}, "csv");
  const auto first = opened(spec, context)->pull({2, 1000, {}});
  REQUIRE(first);
  CHECK(first->records.size() == 2);
  errc expected = errc::internal;
  SECTION("it shrank") {
    std::filesystem::resize_file(path, 4);
    expected = errc::offset_out_of_range;
  }
  SECTION("it was replaced by another file") {
    write_file(folder / "new", "a\n1\n2\n3\n4\n");
    std::filesystem::rename(folder / "new", path);
    expected = errc::conflict;
  }
  SECTION("its header was written over") {
    std::fstream(path) << "b";
    expected = errc::conflict;
  }
  SECTION("what was read was written over") {
    std::fstream(path) << "a\n9";
    expected = errc::conflict;
  }
  SECTION("it was deleted") {
    std::filesystem::remove(path);
    expected = errc::not_found;
  }
  auto source = make_connector(spec, context).value();
  const auto status = source->open(first->position);
  const auto all = status ? drain(*source) : everything{};
  const errc code = status ? all.code : status.error().code;
  const std::string text = status ? all.error : status.error().text();
  CAPTURE(text);
  CHECK(all.records.empty());
  CHECK(code == expected);
  CHECK(text.find(path) != std::string::npos);
}

TEST_CASE("a damaged position is refused") {
  temp_folder folder;
  write_file(folder / "f", "{}\n");
  for (const auto* position : {"x", "[]", "{}", R"({"v":2})", R"({"v":1,"file":{}})", R"({"v":1,"file":3})",
                               R"({"v":1,"done":[7]})", R"({"v":1,"below":"%4"})",
                               R"({"v":1,"below":"a","below_files":-1})"}) {
    auto source = make_connector(file_spec({{"path", folder / "f"}}), context_for({folder.text()})).value();
    const auto status = source->open(position);
    REQUIRE_FALSE(status);
    CHECK(status.error().code == errc::corrupt);
  }
}

TEST_CASE("the station's CSV file gives its 6,843 records") {
  const std::filesystem::path data = "../shared/data/noaa";
  if (!std::filesystem::exists(data)) {
    WARN("real weather files: skipped: ../shared/data is absent");
    return;
  }
  std::mt19937_64 random(9);
  const auto folder = std::filesystem::canonical(data).string();
  const auto spec = file_spec({{"path", folder + "/00702699999.csv"}});
  const auto context = context_for({folder}, "csv");
  const auto all = drain(*opened(spec, context));
  CHECK(all.records.size() == 6843);
  CHECK(all.failures.empty());
  CHECK(all.contexts[0].starts_with("\"STATION\",\"DATE\""));
  const auto broken = drain_with_restarts(spec, context, random);
  CHECK(broken.records == all.records);
}

TEST_CASE("the fixed-width weather files are inflated and read record by record") {
  const std::filesystem::path data = "../shared/data/noaa";
  if (!std::filesystem::exists(data)) {
    WARN("real weather files: skipped: ../shared/data is absent");
    return;
  }
  std::mt19937_64 random(10);
  const auto folder = std::filesystem::canonical(data).string();
  const auto context = context_for({folder}, "isd");
  const std::map<std::string, std::size_t> counts{
      {"104270-99999-1928.gz", 376}, {"014160-99999-2016.gz", 7174}, {"ISD-MISSING.gz", 5176}};
  for (const auto& [name, count] : counts) {
    const auto spec = file_spec({{"path", folder + "/" + name}});
    const auto all = drain(*opened(spec, context));
    CAPTURE(name, all.error);
    CHECK(all.ended);
    CHECK(all.failures.empty());
    CHECK(all.records.size() == count);
  }
  const auto spec = file_spec({{"path", folder + "/104270-99999-1928.gz"}});
  CHECK(drain_with_restarts(spec, context, random).records.size() == counts.at("104270-99999-1928.gz"));
}

TEST_CASE("the sock camera's capture gives 21 records") {
  if (!std::filesystem::exists("../shared/data/socks")) {
    WARN("captured socks: skipped: ../shared/data is absent");
    return;
  }
  const auto folder = std::filesystem::canonical("../shared/data/socks").string();
  const auto all = drain(*opened(file_spec({{"path", folder + "/sequence.ndjson"}}), context_for({folder}, "json")));
  CHECK(all.records.size() == 21);
  CHECK(all.ended);
}

#include <sys/resource.h>

#include <random>

#include "tests/actors/source/source_fixture.hpp"

using namespace weir;
using namespace weir::source_test;

namespace {

std::string lines(int count) {
  std::mt19937_64 random(13);
  std::string text;
  for (int i = 0; i < count; ++i) text += std::to_string(i) + " " + std::to_string(random()) + "\n";
  return text;
}

long peak_memory_kib() {
  struct ::rusage usage {};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

}  // namespace

TEST_CASE("gzip is known by its content, whatever the file's name") {
  temp_folder folder;
  write_file(folder / "f.csv", gzipped("a\n1\n"));
  write_file(folder / "f.gz", "a\n1\n");
  for (const auto* name : {"f.csv", "f.gz"}) {
    const auto all = drain(*opened(file_spec({{"path", folder / name}}), context_for({folder.text()}, "csv")));
    CHECK(all.records == std::vector<std::string>{"1"});
    CHECK(all.ended);
  }
}

TEST_CASE("a truncated gzip file gives the records before its end, then an error that names file and byte") {
  temp_folder folder;
  const std::string whole = gzipped(lines(10'000));
  const std::string path = folder / "f";
  for (const std::size_t size : {std::size_t{1}, std::size_t{5}, whole.size() / 2, whole.size() - 1}) {
    write_file(path, std::string_view(whole).substr(0, size));
    const auto spec = file_spec({{"path", path}});
    const auto all = drain(*opened(spec, context_for({folder.text()})));
    CAPTURE(size, all.error);
    CHECK(all.code == errc::corrupt);
    CHECK(all.error.find(path) != std::string::npos);
    CHECK(all.error.find("at byte " + std::to_string(size)) != std::string::npos);
    CHECK((size < 10 || all.records.size() > 4000));
    for (std::size_t i = 0; i < all.records.size(); ++i) REQUIRE(all.records[i].starts_with(std::to_string(i) + " "));
    if (all.records.empty()) continue;
    const auto again = drain(*opened(spec, context_for({folder.text()}), all.position));
    CHECK(again.records.empty());
    CHECK(again.error == all.error);
  }
}

TEST_CASE("a damaged gzip file gives the records before the damage, then an error that names file and byte") {
  temp_folder folder;
  const std::string first = gzipped(lines(1000));
  std::string text;
  SECTION("bytes that are no gzip behind the first member") { text = first + "no gzip here"; }
  SECTION("a wrong checksum") {
    text = first;
    text[text.size() - 6] = static_cast<char>(text[text.size() - 6] ^ 1);
  }
  write_file(folder / "f", text);
  const auto all = drain(*opened(file_spec({{"path", folder / "f"}}), context_for({folder.text()})));
  CAPTURE(all.error);
  CHECK(all.records.size() == 1000);
  CHECK(all.code == errc::corrupt);
  CHECK(all.error.find("byte") != std::string::npos);
}

TEST_CASE("a gzip bomb is read in bounded memory, and each pull is bounded too") {
  temp_folder folder;
  std::string bomb;
  const std::string member = gzipped(std::string(32 << 20, 'x'));
  for (int i = 0; i < 16; ++i) bomb += member;  // half a GiB in one line
  bomb += gzipped("\nend\n");
  write_file(folder / "bomb", bomb);
  const long before = peak_memory_kib();
  const auto all = drain(*opened(file_spec({{"path", folder / "bomb"}}), context_for({folder.text()})), {}, 30);
  CHECK(peak_memory_kib() - before < 32 << 10);
  CHECK(all.records == std::vector<std::string>{"end"});
  REQUIRE(all.failures.size() == 1);
  CHECK(all.failures[0].bytes.size() <= 1 << 20);
  CHECK(all.ended);
}

TEST_CASE("a restart far into a gzip file passes over what was read in bounded steps") {
  temp_folder folder;
  std::string text;
  while (text.size() < 150 << 20) text += std::string(1 << 20, 'a') + "\n";
  write_file(folder / "f", gzipped(text + "end\n"));
  const auto spec = file_spec({{"path", folder / "f"}});
  auto context = context_for({folder.text()});
  context.max_record_bytes = 2 << 20;
  everything all;
  auto source = opened(spec, context);
  const std::size_t count = text.size() / ((1 << 20) + 1);
  for (std::size_t i = 0; i < count; ++i) all.position = source->pull({1, 1 << 20, {}}).value().position;
  source = opened(spec, context, all.position);
  const auto first = source->pull({});
  REQUIRE(first);
  CHECK(first->records.size() == 0);
  CHECK_FALSE(first->ended);
  CHECK(drain(*source).records == std::vector<std::string>{"end"});
}

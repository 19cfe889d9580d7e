#include <algorithm>
#include <random>

#include "actors/source/folder_ledger.hpp"
#include "tests/actors/source/source_fixture.hpp"

using namespace weir;
using namespace weir::source_test;

namespace {

using texts = std::vector<std::string>;

option_map watching(const std::string& path, option_map more = {}) {
  more["path"] = path;
  more["watch"] = "true";
  return more;
}

}  // namespace

TEST_CASE("new files of a watched folder are read in name order, and once") {
  temp_folder folder;
  const auto context = context_for({folder.text()});
  const auto spec = file_spec(watching(folder.text()));
  write_file(folder / "b", "b1\nb2");
  write_file(folder / "a", "a1\n");
  write_file(folder / ".hidden", "no\n");
  std::filesystem::create_directory(folder / "0-subfolder");
  auto source = opened(spec, context);
  auto all = drain(*source);
  CHECK(all.records == texts{"a1", "b1", "b2"});
  CHECK_FALSE(all.ended);
  const bool restart = GENERATE(false, true);
  if (restart) source = opened(spec, context, all.position);
  write_file(folder / "d", "d1\n");
  write_file(folder / "c", "c1\n");
  write_file(folder / "aa", "late, but taken\n");
  all = drain(*source);
  CHECK(all.records == texts{"late, but taken", "c1", "d1"});
  if (restart) source = opened(spec, context, all.position);
  CHECK(drain(*source).records.empty());
}

TEST_CASE("files that come while others are read, with restarts, are each read once") {
  std::mt19937_64 random(12);
  for (int round = 0; round < 30; ++round) {
    temp_folder folder;
    const auto spec = file_spec(watching(folder / "*.json", {{"settle", "0 s"}, {"reorder", "40"}}));
    const auto context = context_for({folder.text()});
    texts written, read;
    auto source = opened(spec, context);
    std::string position;
    int files = 0;
    for (int step = 0; step < 150; ++step) {
      const auto action = random() % 6;
      if (action == 0 && files < 40) {
        std::string text;
        for (auto lines = random() % 6; lines > 0; --lines) {
          written.push_back(std::to_string(files) + "." + std::to_string(lines));
          text += written.back() + "\n";
        }
        ++files;
        write_file(folder / "part", text);
        std::filesystem::rename(folder / "part", folder / (std::to_string(random() % 1'000'000) + ".json"));
      } else if (action == 1) {
        source = opened(spec, context, position);
      } else {
        const auto chunk = source->pull({1 + random() % 3, 1000, {}});
        clock_us += us_per_s / 2;
        if (!chunk) FAIL(chunk.error().text());
        for (std::size_t i = 0; i < chunk->records.size(); ++i) read.emplace_back(chunk->records[i]);
        position = chunk->position;
      }
    }
    const auto all = drain(*source);
    read.insert(read.end(), all.records.begin(), all.records.end());
    std::sort(read.begin(), read.end());
    std::sort(written.begin(), written.end());
    REQUIRE(read == written);
  }
}

TEST_CASE("a file still being written in a watched folder is not taken before it settles") {
  temp_folder folder;
  clock_us = 0;  // the files' own times lie in the future: only what is seen counts
  auto source = opened(file_spec(watching(folder.text(), {{"settle", "5 s"}})), context_for({folder.text()}));
  write_file(folder / "a", "1\n");
  CHECK(drain(*source).records.empty());
  append_file(folder / "a", "2\n");
  CHECK(drain(*source, {}, 8).records.empty());
  CHECK(drain(*source, {}, 8).records == texts{"1", "2"});
}

TEST_CASE("with follow, the last file of a watched folder grows until a later one stands behind it") {
  temp_folder folder;
  const auto context = context_for({folder.text()});
  const auto spec = file_spec(watching(folder / "*.log", {{"follow", "true"}}));
  write_file(folder / "1.log", "1\nhalf");
  auto source = opened(spec, context);
  auto all = drain(*source);
  CHECK(all.records == texts{"1"});
  append_file(folder / "1.log", " and half\nlast");
  if (GENERATE(false, true)) source = opened(spec, context, all.position);
  CHECK(drain(*source).records == texts{"half and half"});
  write_file(folder / "2.log", "2\n");
  all = drain(*source);
  CHECK(all.records == texts{"last", "2"});
  CHECK(drain(*opened(spec, context, all.position)).records.empty());
}

TEST_CASE("a file that comes too late for its name is an error, also after a restart") {
  temp_folder folder;
  const auto context = context_for({folder.text()});
  const auto spec = file_spec(watching(folder.text(), {{"reorder", "2"}}));
  for (int i = 1; i < 6; ++i) write_file(folder / std::to_string(i), "x\n");
  auto source = opened(spec, context);
  auto all = drain(*source);
  CHECK(all.records.size() == 5);
  write_file(folder / "35", "between\n");
  auto late = drain(*source);
  CHECK(late.records == texts{"between"});
  std::filesystem::remove(folder / "1");
  all = drain(*source);
  write_file(folder / "0", "too late\n");
  if (GENERATE(false, true)) source = opened(spec, context, all.position);
  late = drain(*source);
  CHECK(late.records.empty());
  CHECK(late.code == errc::conflict);
  CHECK(late.error.find("too late") != std::string::npos);
  CHECK(late.error.find("reorder") != std::string::npos);
}

TEST_CASE("a position in a folder does not grow with the number of files") {
  temp_folder folder;
  for (int i = 0; i < 500; ++i) write_file(folder / std::to_string(1000 + i), "x\n");
  const auto all = drain(*opened(file_spec({{"path", folder.text()}}), context_for({folder.text()})));
  CHECK(all.records.size() == 500);
  CHECK(all.position.size() < 1000);
}

TEST_CASE("a folder with more files than the limit is refused") {
  temp_folder folder;
  write_file(folder / "0", "");
  for (std::size_t i = 1; i <= folder_ledger::max_files; ++i) {
    if (::link((folder / std::to_string(i % 3 == 0 ? i - 1 : 0)).c_str(), (folder / std::to_string(i)).c_str()) != 0) {
      write_file(folder / std::to_string(i), "");  // too many links for this file system
    }
  }
  folder_ledger ledger(folder.text(), "", 64);
  const auto status = ledger.scan();
  REQUIRE_FALSE(status);
  CHECK(status.error().code == errc::limit_exceeded);
}

TEST_CASE("a file of a folder that was replaced while it was in hand is an error") {
  temp_folder folder;
  const auto context = context_for({folder.text()});
  const auto spec = file_spec({{"path", folder / "*"}});
  write_file(folder / "a", "1\n2\n3\n");
  write_file(folder / "b", "4\n");
  const auto chunk = opened(spec, context)->pull({1, 100, {}});
  write_file(folder / "c", "1\n2\n3\n");
  std::filesystem::rename(folder / "c", folder / "a");
  const auto all = drain(*opened(spec, context, chunk->position));
  CHECK(all.code == errc::conflict);
  CHECK(all.records.empty());
}

TEST_CASE("names of any bytes survive the position") {
  temp_folder folder;
  const auto context = context_for({folder.text()});
  const auto spec = file_spec({{"path", folder.text()}});
  write_file(folder / "\xff%41 \n\"", "1\n2\n");
  write_file(folder / "\xff%42", "3\n");
  everything all;
  for (int i = 0; i < 3; ++i) add(all, opened(spec, context, all.position)->pull({1, 100, {}}).value());
  CHECK(all.records == texts{"1", "2", "3"});
}

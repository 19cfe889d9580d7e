// Every input that tools/fuzz keeps, and every one that once broke something, through the same functions in the
// ordinary build; cut short and damaged too.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <set>

#include "tests/fuzz/fuzz_target.hpp"

using namespace weir;

namespace {

const std::filesystem::path corpus = "tests/fuzz/corpus";

std::map<std::string, std::string> inputs_of(std::string_view target) {
  std::map<std::string, std::string> out;
  for (const auto& file : std::filesystem::directory_iterator(corpus / target)) {
    std::ifstream in(file.path(), std::ios::binary);
    out[file.path().filename()] = {std::istreambuf_iterator<char>(in), {}};
  }
  return out;
}

std::string damaged(std::string bytes, std::mt19937_64& random) {
  for (auto edits = 1 + random() % 3; edits > 0 && !bytes.empty(); --edits) {
    const auto at = random() % bytes.size();
    switch (random() % 4) {
      case 0: bytes.resize(at); break;
      case 1: bytes.erase(at, 1 + random() % 8); break;
      case 2: bytes.insert(at, 1, static_cast<char>(random())); break;
      default: bytes[at] = static_cast<char>(random()); break;
    }
  }
  return bytes;
}

std::string shown(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) out += c >= ' ' && c <= '~' ? std::string(1, c) : fmt::format("\\x{:02x}", c & 0xff);
  return out;
}

}  // namespace

TEST_CASE("every input of the fuzz corpus is taken without harm, whole and damaged") {
  for (const auto& target : fuzz::targets()) {
    DYNAMIC_SECTION(target.name) {
      std::mt19937_64 random(2026);
      for (const auto& [name, bytes] : inputs_of(target.name)) {
        INFO(target.name << "/" << name);
        REQUIRE_NOTHROW(target.run(bytes));
        for (int round = 0; round < 20; ++round) {
          const auto broken = damaged(bytes, random);
          INFO(shown(broken));
          REQUIRE_NOTHROW(target.run(broken));
        }
      }
      REQUIRE_NOTHROW(target.run({}));
    }
  }
}

TEST_CASE("the corpus is small, and every target has its part of it") {
  std::set<std::string> known;
  std::uintmax_t bytes = 0;
  for (const auto& target : fuzz::targets()) {
    INFO(target.name);
    known.emplace(target.name);
    CHECK(inputs_of(target.name).size() >= 3);
  }
  for (const auto& folder : std::filesystem::directory_iterator(corpus)) {
    INFO(folder.path());
    CHECK(known.contains(folder.path().filename()));
  }
  for (const auto& file : std::filesystem::recursive_directory_iterator(corpus))
    if (file.is_regular_file()) bytes += file.file_size();
  CHECK(bytes < 1'000'000);
}

TEST_CASE("a law that does not hold fails its target") {
  CHECK_THROWS_AS(fuzz::require(false, "law {}", 1), fuzz::violation);
  CHECK_NOTHROW(fuzz::require(true, "law {}", 1));
}

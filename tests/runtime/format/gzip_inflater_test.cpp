#include <catch2/catch.hpp>
#include <random>

#include "runtime/format/framer.hpp"
#include "tests/support/gzipped.hpp"

namespace weir {
namespace {

// Feeds `bytes` in pieces and takes the output in portions, as a caller would.
status inflate_all(gzip_inflater& inflater, std::string_view bytes, std::string& out, std::size_t piece,
                   std::size_t portion) {
  while (!bytes.empty()) {
    std::string_view input = bytes.substr(0, piece);
    bytes.remove_prefix(input.size());
    std::size_t before = 0;
    do {
      before = out.size();
      WEIR_TRY_VOID(inflater.inflate(input, out, portion));
      REQUIRE(out.size() - before <= portion);
    } while (!input.empty() || out.size() - before == portion);
  }
  return {};
}

TEST_CASE("gzip comes out whole, in one member or many, whatever the pieces") {
  std::mt19937_64 random(71);
  for (int round = 0; round < 200; ++round) {
    std::string expected;
    std::string bytes;
    for (auto members = 1 + random() % 4; members > 0; --members) {
      std::string text;
      for (auto n = random() % 3'000; n > 0; --n) text += static_cast<char>('a' + random() % 7);
      expected += text;
      bytes += gzipped(text);
    }
    gzip_inflater inflater;
    std::string out;
    REQUIRE(inflate_all(inflater, bytes, out, 1 + random() % 500, 1 + random() % 500));
    REQUIRE(out == expected);
    REQUIRE(inflater.at_member_end());
  }
}

TEST_CASE("a truncated file is not at a member's end") {
  const std::string bytes = gzipped(std::string(10'000, 'x') + "end");
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    gzip_inflater inflater;
    std::string out;
    REQUIRE(inflate_all(inflater, std::string_view(bytes).substr(0, length), out, 4096, 1 << 20));
    REQUIRE_FALSE(inflater.at_member_end());
  }
}

TEST_CASE("bytes that are no gzip and wrong checksums are corrupt") {
  const auto code_of = [](std::string_view bytes) {
    gzip_inflater inflater;
    std::string out;
    const auto done = inflate_all(inflater, bytes, out, 4096, 1 << 20);
    REQUIRE_FALSE(done);
    return done.error().code;
  };
  const std::string good = gzipped("some text that is long enough to be worth it");
  CHECK(code_of("plain text") == errc::corrupt);
  CHECK(code_of(good + "rubbish") == errc::corrupt);
  std::string bad = good;
  bad[bad.size() - 8] = static_cast<char>(bad[bad.size() - 8] ^ 1);
  CHECK(code_of(bad) == errc::corrupt);
}

TEST_CASE("corrupted bytes never do harm") {
  std::mt19937_64 random(72);
  const std::string good = gzipped(std::string(500, 'a') + "bcd" + std::string(500, 'e'));
  for (int round = 0; round < 5'000; ++round) {
    std::string bad = good;
    for (auto n = 1 + random() % 4; n > 0; --n) bad[random() % bad.size()] = static_cast<char>(random());
    gzip_inflater inflater;
    std::string out;
    if (const auto done = inflate_all(inflater, bad, out, 64, 100); !done) REQUIRE(done.error().code == errc::corrupt);
  }
}

TEST_CASE("a bomb comes out in portions of the caller's size") {
  const std::string bomb = gzipped(std::string(50'000'000, '\0'));
  REQUIRE(bomb.size() < 100'000);
  gzip_inflater inflater;
  std::string_view input = bomb;
  std::string out;
  REQUIRE(inflater.inflate(input, out, 1'000'000));
  CHECK(out.size() == 1'000'000);
  CHECK(out.capacity() < 4'000'000);
  CHECK_FALSE(input.empty());
}

}  // namespace
}  // namespace weir

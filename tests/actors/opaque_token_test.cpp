#include "actors/opaque_token.hpp"

#include <catch2/catch.hpp>
#include <random>

using namespace weir;

TEST_CASE("a token gives back its bytes, whatever they are") {
  std::mt19937_64 random(7);
  for (int round = 0; round < 2'000; ++round) {
    std::string bytes(random() % 40, '\0');
    for (auto& c : bytes) c = static_cast<char>(random());
    const auto token = to_token('x', bytes);
    CHECK(token.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") ==
          std::string::npos);
    CHECK(from_token('x', token) == bytes);
    CHECK(from_token('y', token) == std::nullopt);
  }
}

TEST_CASE("what is no token is refused, never read as something else") {
  CHECK(from_token('x', "") == std::nullopt);
  CHECK(from_token('x', "xA") == std::nullopt);
  CHECK(from_token('x', "xAB") == std::nullopt);  // bits are left over
  CHECK(from_token('x', "xA+==") == std::nullopt);
  CHECK(from_token('x', "x") == "");
}

TEST_CASE("base64 is padded as RFC 4648 has it") {
  CHECK(to_base64("") == "");
  CHECK(to_base64("f") == "Zg==");
  CHECK(to_base64("fo") == "Zm8=");
  CHECK(to_base64("foo") == "Zm9v");
  CHECK(to_base64("\xff\xfe\xfd") == "//79");
}

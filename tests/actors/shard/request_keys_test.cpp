#include "actors/shard/request_keys.hpp"

#include <catch2/catch.hpp>

using namespace weir;

namespace {

known_request request(std::string fingerprint, std::uint64_t accepted = 1) {
  known_request r;
  r.fingerprint = std::move(fingerprint);
  r.answer.accepted = accepted;
  r.answer.first_reason = "why";
  r.epoch = 7;
  return r;
}

constexpr std::int64_t second = 1'000'000;

}  // namespace

TEST_CASE("a key is known within its source and for the window") {
  request_keys keys(10 * second, 100);
  keys.record("a", "k", request("f"), 100 * second);
  REQUIRE(keys.find("a", "k", 100 * second) != nullptr);
  CHECK(keys.find("a", "k", 100 * second)->fingerprint == "f");
  CHECK(keys.find("b", "k", 100 * second) == nullptr);
  CHECK(keys.find("a", "k", 110 * second - 1) != nullptr);
  CHECK(keys.find("a", "k", 110 * second) == nullptr);
  keys.record("a", "k", request("g"), 110 * second);  // the key may be used anew
  CHECK(keys.find("a", "k", 110 * second)->fingerprint == "g");
  CHECK(keys.size() == 1);
}

TEST_CASE("beyond the number of keys the oldest go, before their time") {
  request_keys keys(1'000 * second, 3);
  for (int i = 0; i < 5; ++i) keys.record("a", fmt::format("k{}", i), request("f"), i * second);
  CHECK(keys.size() == 3);
  CHECK(keys.find("a", "k1", 5 * second) == nullptr);
  CHECK(keys.find("a", "k2", 5 * second) != nullptr);
}

TEST_CASE("what is forgotten follows from recorded times, also when the clock goes back") {
  request_keys keys(10 * second, 100);
  keys.record("a", "first", request("f"), 100 * second);
  keys.record("a", "back", request("f"), 50 * second);  // recorded at 100 s
  CHECK(keys.find("a", "back", 105 * second) != nullptr);
  keys.record("a", "later", request("f"), 110 * second);
  CHECK(keys.size() == 1);
}

TEST_CASE("state entries restore the same keys in the same order") {
  request_keys before(1'000 * second, 3);
  std::map<std::string, std::string> stored;
  const auto store = [&](request_keys& from) {
    std::vector<state_change> changes;
    from.take_changes("p", changes);
    for (auto& c : changes) {
      REQUIRE(c.key.starts_with("pk"));
      if (c.value)
        stored[c.key.substr(2)] = *c.value;
      else
        stored.erase(c.key.substr(2));
    }
  };
  for (int i = 0; i < 5; ++i) {
    before.record("a", fmt::format("k{}", 9 - i), request("f", 40), i * second);
    store(before);
  }
  CHECK(stored.size() == 3);
  request_keys after(1'000 * second, 3);
  for (const auto& [name, value] : stored) REQUIRE(after.restore(name, value));
  const auto* known = after.find("a", "k5", 5 * second);
  REQUIRE(known != nullptr);
  CHECK(known->answer == request("f", 40).answer);
  CHECK(known->epoch == 0);  // committed: nobody need wait
  after.record("a", "new", request("f"), 5 * second);
  CHECK(after.find("a", "k7", 5 * second) == nullptr);  // the oldest
  CHECK(after.find("a", "k6", 5 * second) != nullptr);
  CHECK_FALSE(after.restore("a", "broken"));
}

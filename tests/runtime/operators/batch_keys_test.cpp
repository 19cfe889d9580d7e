#include "runtime/operators/batch_keys.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <random>

#include "runtime/batch/key_codec.hpp"
#include "runtime/operators/group_index.hpp"

using namespace weir;

TEST_CASE("the keys of a batch are the codec's keys") {
  std::mt19937_64 random(51);
  batch_keys keys;
  for (int round = 0; round < 50; ++round) {
    std::vector<column> made{column(data_type::text), column(data_type::bigint), column(data_type::double_precision)};
    const std::size_t rows = random() % 50;
    for (std::size_t i = 0; i < rows; ++i) {
      std::string text;
      for (std::size_t n = random() % 20; n > 0; --n)
        text.push_back(static_cast<char>(random() % 7 == 0 ? 0 : random()));
      random() % 6 == 0 ? made[0].push_null() : made[0].push_text(text);
      random() % 6 == 0 ? made[1].push_null() : made[1].push_int(static_cast<std::int64_t>(random()));
      random() % 6 == 0 ? made[2].push_null() : made[2].push_double(random() % 2 == 0 ? -0.0 : 1.5);
    }
    std::vector<column_ptr> columns;
    for (auto& c : made) columns.push_back(std::make_shared<const column>(std::move(c)));
    keys.encode(columns, rows);
    REQUIRE(keys.size() == rows);
    for (std::size_t i = 0; i < rows; ++i) {
      std::string expected;
      for (const auto& c : columns) append_key(expected, *c, i);
      REQUIRE(keys[i] == expected);
      REQUIRE(keys.hash(i) == table_hash(expected));
    }
  }
}

TEST_CASE("the index finds what it holds, through growth, collisions and erasure") {
  std::mt19937_64 random(52);
  group_index index;
  std::map<std::uint32_t, std::uint64_t> held;
  for (std::uint32_t step = 0; step < 20'000; ++step) {
    if (held.empty() || random() % 3 != 0) {
      const std::uint64_t hash = random() % 500;  // many share a home
      index.insert(hash, step);
      held[step] = hash;
    } else {
      const auto victim =
          std::next(held.begin(), static_cast<std::ptrdiff_t>(random() % std::min<std::size_t>(held.size(), 20)));
      index.erase(victim->second, victim->first);
      held.erase(victim);
    }
    if (step % 500 != 0) continue;
    for (const auto& [number, hash] : held)
      REQUIRE(index.find(hash, [&](std::uint32_t n) { return n == number; }) == number);
    REQUIRE(index.find(7, [](std::uint32_t) { return false; }) == group_index::none);
  }
}

#include <random>

#include "tests/runtime/sql/sql_fixture.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

// Whatever comes in, the answer is a plan or an error with a message.
void plan_both_ways(const std::string& sql, const catalog& names) {
  const auto script = plan_script(sql, names);
  if (!script) REQUIRE_FALSE(script.error().message.empty());
  const auto query = plan_query(sql, names);
  if (!query) REQUIRE_FALSE(query.error().message.empty());
}

std::string mutated(std::string sql, std::mt19937_64& random) {
  static const std::vector<std::string> pieces{"'",
                                               "\"",
                                               "(",
                                               ")",
                                               ",",
                                               ";",
                                               "--",
                                               "/*",
                                               "$$",
                                               "\xc3\xa9",
                                               "\xff",
                                               "NULL",
                                               "-1",
                                               "*",
                                               "::",
                                               "window_start",
                                               "count(*)",
                                               "DISTINCT",
                                               "GROUP BY 1",
                                               " AS ",
                                               "0",
                                               "1e999",
                                               "IN ()",
                                               "tumble(",
                                               "interval '1 s'",
                                               "E'\\"};
  const int edits = 1 + static_cast<int>(random() % 4);
  for (int i = 0; i < edits && !sql.empty(); ++i) {
    const std::size_t at = random() % sql.size();
    switch (random() % 4) {
      case 0: sql.erase(at, 1 + random() % 8); break;
      case 1: sql.insert(at, pieces[random() % pieces.size()]); break;
      case 2: sql[at] = static_cast<char>(random()); break;
      default: sql += sql.substr(at, random() % 20); break;
    }
  }
  return sql;
}

}  // namespace

TEST_CASE("random bytes never crash the planner") {
  const auto names = catalog_of(words_catalog);
  std::mt19937_64 random(7);
  for (int round = 0; round < 1'000; ++round) {
    std::string bytes(random() % 200, ' ');
    for (char& c : bytes) c = static_cast<char>(round % 2 == 0 ? random() : 32 + random() % 95);
    plan_both_ways(bytes, names);
  }
}

TEST_CASE("mutated statements never crash the planner") {
  const auto names = catalog_of(words_catalog);
  std::mt19937_64 random(11);
  for (int round = 0; round < 6'000; ++round)
    plan_both_ways(mutated(sql_words()[random() % sql_words().size()].example, random), names);
}

#include "tests/sim/simulation.hpp"

#include <catch2/catch.hpp>
#include <cstdlib>

#include "runtime/fault/fault_points.hpp"
#include "runtime/fault/protocol_rules.hpp"

using namespace weir;

namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

// How many of these seeds show a wrong answer while a rule is off: a planted bug.
int wrong_answers(int rule, std::uint64_t seeds) {
  rule_switched_off off(rule);
  int wrong = 0;
  for (std::uint64_t seed = 1; seed <= seeds && wrong == 0; ++seed) wrong += sim::live(seed).problem.empty() ? 0 : 1;
  return wrong;
}

}  // namespace

// WEIR_SIM_SEEDS=2000 is the long form; WEIR_SIM_FIRST=n WEIR_SIM_SEEDS=1 replays seed n.
TEST_CASE("a node that is killed anywhere on a faulty log answers what the sequential reference answers") {
  const auto first = from_environment("WEIR_SIM_FIRST", 1), seeds = from_environment("WEIR_SIM_SEEDS", 200);
  std::map<std::string, int> kills;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    const auto life = sim::live(seed);
    INFO("replay with WEIR_SIM_FIRST=" << seed << " WEIR_SIM_SEEDS=1");
    CHECK(life.problem == "");
    for (const auto& [point, n] : life.kills) kills[point] += n;
  }
  for (const auto point : kill_points) {
    INFO("kill point " << point << " was hit " << kills[std::string(point)] << " times");
    if (seeds >= 100) CHECK(kills[std::string(point)] >= 10);
  }
}

// WEIR_SIM_FIRST and WEIR_SIM_SEEDS as above.
TEST_CASE("a standby that takes over anywhere, with what it has in memory, answers the same") {
  const auto first = from_environment("WEIR_SIM_FIRST", 1), seeds = from_environment("WEIR_SIM_SEEDS", 120);
  for (const int replacements : {0, 2}) {
    int takeovers = 0;
    std::size_t warm = 0;
    for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
      sim::life_options options;
      options.standby = true;
      options.replacements = replacements;
      const auto life = sim::live(seed, options);
      INFO("replay with WEIR_SIM_FIRST=" << seed << " WEIR_SIM_SEEDS=1, replacements " << replacements);
      CHECK(life.problem == "");
      takeovers += life.takeovers;
      warm += life.warm;
    }
    INFO(takeovers << " takeovers with " << warm << " tasks in memory");
    if (seeds >= 100) CHECK(takeovers > 100);
    if (seeds >= 100) CHECK(warm > 100);
  }
}

TEST_CASE("a seed replays exactly") {
  for (const std::uint64_t seed : {3, 17, 40}) {
    const auto once = sim::live(seed), again = sim::live(seed);
    CHECK(once.problem == again.problem);
    CHECK(once.kills == again.kills);
    CHECK(once.starts == again.starts);
    CHECK(once.commits == again.commits);
  }
}

TEST_CASE("the simulation sees a bug planted in windows") { CHECK(wrong_answers(12, 40) > 0); }
TEST_CASE("the simulation sees a bug planted in positions") { CHECK(wrong_answers(2, 60) > 0); }
TEST_CASE("the simulation sees a bug planted in commits") { CHECK(wrong_answers(8, 200) > 0); }

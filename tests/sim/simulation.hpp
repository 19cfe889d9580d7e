// One simulated life of a node, from a seed: instruments, sizes, schedule, kills and faults all follow from it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/log/sim_log.hpp"
#include "tests/sim/reference.hpp"
#include "tests/support/sim_node.hpp"

namespace weir::sim {

struct life_options {
  std::optional<int> shards;  // none: from the seed
  bool kills = true;
  bool log_faults = true;
  bool power_loss = true;
  int operator_failures = 0;  // at most so many times an operator throws, at records of the seed's choice
  int ingest_failures = 0;    // the same for ingest
  std::string poison;         // an operator throws whenever it meets a record that holds this
  int replacements = 0;       // at most so many times the pipeline is replaced by one that says the same
  bool standby = false;       // another node follows; at some of the kills it takes over
  int ingest_poisons = 0;     // so many records end the process whenever ingest decodes them
};

struct life {
  std::string problem;               // empty: the committed output is what the reference says
  std::map<std::string, int> kills;  // by kill point, that happened
  int starts = 0;
  int takeovers = 0;          // of the standby
  std::size_t warm = 0;       // tasks that it had in memory then
  std::uint64_t commits = 0;
};

std::vector<instrument> make_instruments(std::mt19937_64& random, std::int64_t lateness_us);

life live(std::uint64_t seed, const life_options& options = {});

}  // namespace weir::sim

// What a pipeline must answer, computed one record after the other with maps: no operator, no batch, no shard. It
// shares no code with the engine but for the texts of numbers and times.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace weir::sim {

struct reading {
  std::int64_t at_us = 0;  // event time
  std::string sensor;
  double value = 0;     // a multiple of 0.25 of moderate size: sums are exact in any order
  bool broken = false;  // a record that no decoder takes
  bool poison = false;  // a record that ends the process while ingest has it
};

struct instrument {
  std::string name;
  std::vector<reading> readings;
};

struct expected_answers {
  std::map<std::string, std::vector<std::string>> rows;  // by view, sorted JSON texts
  std::size_t late = 0;                                  // records behind their source's watermark
  std::size_t dead = 0;
};

// The views of sim_sql, for sources that open together before the first record and end.
expected_answers reference(const std::vector<instrument>& instruments, std::int64_t lateness_us);

// The pipeline that the simulation runs: windows over a shuffle, windows that close on their source, sessions, a
// running table over a view, and a stateless view.
std::string sim_sql(std::int64_t lateness_us);

std::string record_text(const reading& r);

}  // namespace weir::sim

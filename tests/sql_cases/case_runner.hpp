// One SQL case: statements, what the sources send, and the rows that must stand in the end. Every case runs straight
// and with kills and restarts, each on 1, 4 and 7 shards, and must answer the same (PROTOCOL 16).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/support/sim_node.hpp"

namespace weir::testing {

struct sql_case {
  std::string sql;
  std::vector<scripted_source> sources;
  std::map<std::string, std::vector<std::string>> rows;  // by view, as JSON texts in any order
  std::map<std::string, std::size_t> dead{};             // dead letters by stream
  std::map<std::string, std::size_t> late{};             // by view; a stream or view that is not named has none
  std::map<std::string, std::size_t> refused{};          // rows that an expression failed on, by view
};

// CREATE TABLE s with every type, its event time in whole seconds since 1970, and this lateness.
std::string stream_s(const std::string& lateness = "0 s");

// A source of s with these JSON records.
scripted_source from(const std::string& name, std::vector<std::string> records);

// Runs the case in every way and fails the calling test where an answer differs.
void check_case(const sql_case& c);

}  // namespace weir::testing

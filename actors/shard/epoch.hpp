// An epoch: the records between two cuts of one pipeline in one shard, as everything that must become true together.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/operators/view_operator.hpp"

namespace weir {

// An append that owns its bytes until the commit.
struct owned_append {
  std::string topic;
  int partition = 0;
  std::string key;
  std::optional<std::string> value;
  std::string header;
  std::int64_t timestamp_us = 0;
  bool fresh = false;  // a row of an append view: its table has none of this key

  std::size_t bytes() const { return key.size() + (value ? value->size() : 0) + header.size(); }
};

// Ingest is a pipeline of its own; it has the empty name, which no SQL file can take.
inline constexpr const char* ingest_pipeline = "";

struct epoch {
  std::string pipeline;
  std::uint64_t incarnation = 0;   // of the task in this process; the writer takes only the current one (PROTOCOL 3)
  std::uint64_t number = 0;        // rises by one per epoch of an incarnation
  std::uint64_t needs_ingest = 0;  // the last ingest epoch whose records it consumed from memory; 0: none
  std::vector<owned_append> appends;
  std::vector<state_change> changes;  // keys are complete state keys (state/state_key.hpp)
  std::size_t bytes = 0;              // of appends and changes
};

}  // namespace weir

// Whether a node makes progress (live), and whether everything that should run, runs (ready).
#pragma once

#include <map>
#include <mutex>

#include "actors/gateway/node_api.hpp"
#include "actors/node_summary.hpp"

namespace weir {

class node_health {
 public:
  explicit node_health(const node& n) : node_(n) {}

  health live();
  health ready() const;

 private:
  const node& node_;
  std::mutex mutex_;
  std::map<std::size_t, std::int64_t> down_since_us_;  // of shards, as far as live() was asked
};

}  // namespace weir

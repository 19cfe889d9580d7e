// Idempotency keys of one shard: what became of each request that named one, for a time and up to a number; the oldest
// go first. Part of ingest's state, so a key commits with the records of its request (PROTOCOL 25). What is forgotten,
// and when, follows from recorded times alone.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "actors/shard/ingest_request.hpp"
#include "runtime/operators/view_operator.hpp"
#include "runtime/result.hpp"

namespace weir {

struct known_request {
  std::string fingerprint;
  request_answer answer;
  std::int64_t recorded_us = 0;  // never before that of an older one
  std::uint64_t order = 0;       // rises from request to request
  std::uint64_t epoch = 0;       // of ingest, that holds its records; 0: committed before this process began
};

class request_keys {
 public:
  request_keys(std::int64_t window_us, std::size_t count) : window_us_(window_us), count_(count) {}

  // A key counts within its source. None: never used, or longer ago than the window.
  const known_request* find(std::string_view source, std::string_view key, std::int64_t now_us) const;
  // A key that find() does not know. Forgets what is too old, and the oldest when there are too many.
  void record(std::string_view source, std::string_view key, known_request request, std::int64_t now_us);
  std::size_t size() const { return known_.size(); }

  // What changed since the last call, as state entries behind the prefix.
  void take_changes(std::string_view prefix, std::vector<state_change>& out);
  status restore(std::string_view name, std::string_view value);

 private:
  void forget(std::int64_t now_us);

  std::int64_t window_us_;
  std::size_t count_;
  std::map<std::string, known_request, std::less<>> known_;  // by source 00 key
  std::map<std::uint64_t, std::string> in_order_;
  std::set<std::string, std::less<>> changed_;
  std::uint64_t next_order_ = 1;
  std::int64_t last_us_ = 0;
};

}  // namespace weir

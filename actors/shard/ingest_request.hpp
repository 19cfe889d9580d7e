// A request that brings records (POST) and waits for their commit. It stands for itself: no position resumes it, its
// key does (PROTOCOL 25).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace weir {

// config.toml's [http].
struct ingest_limits {
  std::int64_t quiet_after_us = 60'000'000;
  std::int64_t request_window_us = 86'400'000'000;
  std::size_t request_keys = 100'000;
};

// What became of the request's records.
struct request_answer {
  std::uint64_t accepted = 0, dead = 0, late = 0;
  std::uint64_t first_number = 0;  // of the first accepted record, in the stream's partition of the shard
  std::string first_reason;        // why its first dead letter is one; cut

  bool operator==(const request_answer&) const = default;
};

struct ingest_request {
  std::string key;          // empty: none
  std::string fingerprint;  // of all that must be equal in a repetition

  // From ingest, when it has accepted the records:
  request_answer answer;
  bool repeated = false;    // an earlier request with this key brought them
  std::uint64_t epoch = 0;  // of ingest, whose commit makes the answer true
};

}  // namespace weir

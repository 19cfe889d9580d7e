// The log on Apache Kafka (DESIGN §4): librdkafka behind the interface that the engine knows.
//
// Writer: one transactional producer per id; a commit is one burst of begin, produce, flush, commit. Reader: holds no
// resources between two calls; a fetch borrows a consumer, reads committed entries up to what was asked or to the last
// stable offset, and gives it back, so memory grows with the fetches under way and not with the readers. Every call
// ends within `timeout`; where the brokers do not answer in time the error is errc::unavailable.
//
// Kafka stamps entries with the time of their append (LogAppendTime), so that retention counts from there and old event
// times are not dropped at once; the entry's own timestamp travels beside its header (kafka_record.hpp).
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/log/log.hpp"

namespace weir {

struct kafka_log_options {
  std::string brokers;  // "host:port,host:port"
  std::string prefix;   // topics() answers those whose names begin with it: a Kafka is seldom ours alone
  int replication = 3;  // copies of each partition
  int min_insync = 2;   // copies that must have an entry before it counts as written
  std::size_t max_entry_bytes = (1U << 20) + (64U << 10);  // at most 32 MiB + 64 KiB
  std::size_t max_commit_bytes = 256U << 20;               // of one transaction; more is rejected
  std::chrono::milliseconds timeout{8'000};                // of one call
  std::chrono::milliseconds transaction_timeout{10'000};   // after which the brokers abort what a dead writer left open
  std::int64_t tombstone_keep_ms = 24LL * 3600 * 1000;     // compacted topics keep deletions at least this long
  int max_fetches = 16;                                    // at once; each holds a consumer, the others wait
  std::map<std::string, std::string> security;             // librdkafka's own names: security.protocol, sasl.username

  // What the client library says, level as in syslog; empty: nobody listens.
  std::function<void(int level, std::string_view message)> on_message;
};

// Errors: invalid_argument (an option, a certificate that can't be read), unavailable, permission_denied. Readers and
// writers keep the connections until the last of them is gone.
result<std::unique_ptr<event_log>> open_kafka_log(kafka_log_options options);

}  // namespace weir

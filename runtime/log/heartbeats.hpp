// Signs of life of a deployment's nodes, in a topic of their own that keeps them for a short time (DESIGN §6). They
// decide nothing: who proposes that a node is gone judges by them (PROTOCOL 19, 20). They are no transactions: a node
// that died inside one would hide the others' for as long as it may last.
//
// Thread safety: used by one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/log/kafka_log.hpp"

namespace weir {

struct heartbeat {
  std::string node;
  std::uint64_t incarnation = 0;
  std::int64_t appended_ms = 0;  // the brokers' clock, which may go back

  bool operator==(const heartbeat&) const = default;
};

class heartbeat_channel {
 public:
  virtual ~heartbeat_channel() = default;
  // Answers when the brokers have it, or unavailable when they have not said so in time.
  virtual status send(std::string_view node, std::uint64_t incarnation) = 0;
  // What has come since the last call, in the topic's order; from the channel's opening on.
  virtual result<std::vector<heartbeat>> take() = 0;
};

// The topic must be there, with one partition.
result<std::unique_ptr<heartbeat_channel>> open_kafka_heartbeats(kafka_log_options options, std::string topic);

}  // namespace weir

// The way of a POST through the node: its source is open (or opened), its body falls into records on the worker pool,
// the shard that owns the source takes them as a whole, and the commit answers (PROTOCOL 15, 25).
//
// A request is answered exactly once, whatever happens on its way: whoever holds it last answers. Before ingest has
// accepted it that answer is `unavailable` (nothing of it stands, come again), afterwards `unknown_outcome` (the shard
// stopped before its commit was certain; the same key tells what became of it).
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>

#include "actors/gateway/node_api.hpp"
#include "actors/node.hpp"

namespace weir {

class post_desk {
 public:
  using reply = node_api::reply;

  // `n` must live as long as the desk, and have stopped before the desk ends.
  explicit post_desk(node& n) : node_(n) {}

  void take(posted_records records, const control_limits& limits, reply done);

 private:
  class pending;
  using pending_ptr = std::shared_ptr<pending>;

  void read_body(const pending_ptr& p);
  void offer(const pending_ptr& p);
  void committed(pending& p);

  node& node_;
  std::atomic<std::uint64_t> unkeyed_{0};  // requests without a key take turns
  std::shared_ptr<std::atomic<std::int64_t>> waiting_bytes_ = std::make_shared<std::atomic<std::int64_t>>(0);
  std::mutex mutex_;
  std::map<std::string, rate_meter, std::less<>> rates_;  // by source
};

}  // namespace weir

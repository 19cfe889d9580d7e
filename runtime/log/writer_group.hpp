// One writer for several shards (DESIGN §4): what they commit at the same time goes into one transaction.
//
// Each part (a shard) opens a writer of its own, and the first that does opens the log's; so nobody outside commits
// under this id any more. While parts have it open, one that opens again fences only its own predecessor. When the
// log's writer dies it dies for all parts: each opens again and reads what stands.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "runtime/log/log.hpp"

namespace weir {

struct writer_group_options {
  std::string id;
  std::size_t max_commit_bytes = 256U << 20;  // what a transaction may hold of several parts together
  std::chrono::milliseconds patience{0};      // how long an opening waits for a transaction under way
  std::chrono::milliseconds company{0};       // how long a transaction waits for parts of the last two to join
};

// Thread-safe: parts commit from threads of their own, each of which waits for the transaction with its entries.
class writer_group : public std::enable_shared_from_this<writer_group> {
 public:
  writer_group(event_log& log, writer_group_options options);

  // As event_log::open_writer, for one part. Waits for the transaction under way; one that hangs is left alone then,
  // and every part opens again.
  result<std::unique_ptr<log_writer>> open(int part);
  // Commits that wait for the transaction under way.
  std::size_t waiting();

 private:
  struct shared;  // the log's writer, as long as a part has it open
  struct request;
  class part_writer;

  result<std::vector<std::int64_t>> commit(const part_writer& from, std::span<const log_append> batch);
  void abandon(shared& of);
  bool all_are_here() const;
  std::vector<request*> take_turn();
  void serve(shared& of, const std::vector<request*>& taken);

  event_log& log_;
  const writer_group_options options_;
  std::mutex mutex_;
  std::condition_variable settled_;
  bool opening_ = false;
  std::weak_ptr<shared> current_;
  std::map<int, std::uint64_t> opened_;  // per part, how often: only the last writer of each may commit
  std::deque<request*> waiting_;
  std::set<int> last_parts_, parts_before_;  // of the last transaction, and of the one before it
};

}  // namespace weir

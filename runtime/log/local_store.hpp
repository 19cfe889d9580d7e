// The state shared by the embedded log, its readers and its writers.
//
// One commit group at a time is written: whoever finds the turn free takes the queued commits, gives offsets, writes
// one WriteBatch and then shows the new ends to readers. So offsets become visible in order, commits of many writers
// share one sync, and whoever holds the turn may change topics and epochs.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <shared_mutex>

#include "runtime/log/local_boot.hpp"
#include "runtime/log/local_disk.hpp"
#include "runtime/log/local_log.hpp"
#include "runtime/log/offset_jumps.hpp"
#include "runtime/log/stored_batch.hpp"

namespace weir::local {

struct partition_state {
  std::atomic<std::int64_t> end{0};  // readers see what lies below
  offset_jumps jumps;                // fixed once the log is open
  // Compacted topics. Both rise before the write that removes something, so a reader that reads first and looks here
  // afterwards never misses a removal.
  std::atomic<std::int64_t> horizon{0};      // every tombstone at or above is kept
  std::atomic<std::int64_t> index_start{0};  // the recent index has every offset at or above
  // Changed by whoever holds the turn.
  std::int64_t next = 0;
  std::int64_t reserved = 0;
  std::optional<std::int64_t> oldest_tombstone_ms;
};

using family_handle = std::unique_ptr<rocksdb::ColumnFamilyHandle, std::function<void(rocksdb::ColumnFamilyHandle*)>>;

struct topic_state {
  std::uint32_t id = 0;
  topic_config config;   // retention: under the catalogue's mutex
  family_handle family;  // append topics
  std::deque<partition_state> partitions;
  std::atomic<bool> dropped{false};
};
using topic_ref = std::shared_ptr<topic_state>;

// What one commit adds to one partition.
struct partition_part {
  topic_ref topic;
  int partition = 0;
  std::int64_t count = 0;
  std::int64_t base = 0;                      // given under the turn
  std::int64_t reserved_before = 0;           // to take the commit back
  std::vector<stored_batch_builder> batches;  // append topics
  std::vector<std::size_t> entries;           // compacted topics: places in the commit's entries
};

struct prepared_commit {
  const std::string* writer_id = nullptr;
  std::int64_t epoch = 0;
  std::span<const log_append> entries;
  std::vector<partition_part> parts;
  std::vector<std::uint32_t> part_of;  // per entry
  std::vector<std::int64_t> offsets;   // per entry: its place in the part, and after the commit its offset
  std::size_t bytes = 0;
  std::optional<error> failure;
  bool done = false;
};

class local_store {
 public:
  static result<std::shared_ptr<local_store>> open(local_log_options options);
  ~local_store();

  status create_topic(const topic_config& config);
  status drop_topic(std::string_view name);
  std::vector<topic_config> topics();
  // Null when there is none.
  topic_ref find(std::string_view name);
  // The new owner's epoch.
  result<std::int64_t> open_writer(const std::string& id);
  void commit(prepared_commit& mine);
  status check_space(std::uint64_t bytes) { return disk_.check(bytes); }

  const local_log_options& options() const { return options_; }
  rocksdb::DB& db() { return *db_; }
  rocksdb::ColumnFamilyHandle* keyed() { return keyed_.get(); }
  rocksdb::ColumnFamilyHandle* recent() { return recent_.get(); }
  error describe(const rocksdb::Status& said, std::string_view doing) const;

 private:
  class turn;
  explicit local_store(local_log_options options);

  // Opening (local_open.cpp).
  status open_database(last_end left);
  status load();
  status check_format();
  status load_topic(std::string_view name, std::string_view record);
  status load_partition(topic_state& topic, int partition);
  status load_jumps(topic_state& topic, int partition);
  status load_index(topic_state& topic, int partition);
  status drop_orphans();
  status jump_all();
  result<std::optional<std::int64_t>> read_number(const std::string& key);
  result<family_handle> make_family(std::uint32_t id, const topic_config& config);
  family_handle own(rocksdb::ColumnFamilyHandle* handle);
  void close();

  // Committing (local_commit.cpp).
  std::vector<prepared_commit*> take_group();
  void write_group(const std::vector<prepared_commit*>& group);
  std::optional<error> refusal(const prepared_commit& commit) const;
  void take_back(const std::vector<prepared_commit*>& staged);
  // Whether it may write now; after a full disk, once there is room again.
  status writable();
  status stage(prepared_commit& commit);
  void stage_append(partition_part& part);
  void stage_keyed(partition_part& part, std::span<const log_append> entries);
  status purge_tombstones(partition_part& part);
  void trim_index(topic_state& topic, int partition);
  status write(bool sync, std::string_view doing);
  void put(rocksdb::ColumnFamilyHandle* family, std::string_view key, std::string_view value);

  local_log_options options_;
  disk_guard disk_;
  boot_file boot_;
  std::unique_ptr<rocksdb::DB> db_;
  family_handle meta_, keyed_, recent_, tombstones_;
  std::map<std::uint32_t, family_handle> unclaimed_;  // while opening: append families without a topic yet
  std::map<std::uint32_t, topic_config> opened_with_;

  std::shared_mutex catalogue_;
  std::map<std::string, topic_ref, std::less<>> topics_;

  std::mutex turn_mutex_;
  std::condition_variable turn_free_;
  bool busy_ = false;
  std::deque<prepared_commit*> queue_;

  // Used by whoever holds the turn.
  rocksdb::WriteBatch batch_;
  bool sync_needed_ = false;
  std::map<std::string, std::int64_t, std::less<>> epochs_;
  std::uint32_t next_topic_id_ = 1;
  std::optional<error> stopped_;  // after a failed write nothing more is written: it may stand after the next open
  std::optional<error> full_;     // the disk was full: nothing is written before RocksDB has left its files behind
};

// Holds the turn for a change that is no commit.
class local_store::turn {
 public:
  explicit turn(local_store& store);
  ~turn();
  turn(const turn&) = delete;
  turn& operator=(const turn&) = delete;

 private:
  local_store& store_;
};

inline rocksdb::Slice slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
inline std::string_view view(const rocksdb::Slice& bytes) { return {bytes.data(), bytes.size()}; }

}  // namespace weir::local

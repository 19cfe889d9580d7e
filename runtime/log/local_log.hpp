// The embedded log: RocksDB in one folder, one process (DESIGN §4, PROTOCOL 23 and 24).
//
// Append topics: one column family each, packed batches; whole files are dropped by retention_bytes (over all
// partitions, as stored, compressed) and retention_ms. A topic that nobody writes to keeps its last files. Compacted
// topics: the latest entry per key, and an index of recent offsets, so tailing is cheap; a reader from before the index
// sorts all keys by offset, in passes of at most scan_bytes.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include "runtime/log/log.hpp"

namespace weir {

enum class log_durability : std::uint8_t {
  process,  // a commit survives the end of the process at any instruction; a power failure may take the last ones
  power,    // a commit is on the disk before it is answered
};

struct local_log_options {
  std::filesystem::path path;  // made when absent; its parent must exist
  log_durability durability = log_durability::process;
  std::size_t max_entry_bytes = (1U << 20) + (64U << 10);  // at most 16 MiB + 64 KiB
  std::size_t max_commit_bytes = 256U << 20;               // of one transaction; more is rejected
  std::size_t batch_bytes = 1U << 20;                      // of one stored batch
  std::uint64_t disk_reserve_bytes = 1ULL << 30;           // less free space than this: commits answer no_space
  std::int64_t tombstone_keep_ms = 24LL * 3600 * 1000;     // compacted topics keep deletions at least this long
  std::int64_t recent_index_entries = 1LL << 18;           // per compacted partition: how far back tailing is cheap
  std::int64_t reserve_offsets = 1LL << 20;                // offsets per synced reservation, per partition
  std::size_t memtable_bytes = 128U << 20;                 // of all topics together; also what an open replays at most
  std::size_t scan_bytes = 64U << 20;                      // of one pass of one reader over a compacted partition

  // What the machine says; left empty, the machine is asked.
  std::function<std::int64_t()> now_ms;               // wall clock, for the age of tombstones
  std::function<result<std::uint64_t>()> free_bytes;  // of the folder's file system
  std::string boot_id;                                // changes with every boot
};

// Errors: invalid_argument (an option), conflict (another process has the folder open), corrupt, io_error, no_space.
// Readers and writers keep the folder open until the last of them is gone.
result<std::unique_ptr<event_log>> open_local_log(local_log_options options);

}  // namespace weir

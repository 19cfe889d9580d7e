// RocksDB as the embedded log sets it up.
#pragma once

#include <rocksdb/db.h>

#include <string>

#include "runtime/log/local_log.hpp"

namespace weir::local {

// What RocksDB said, as an error that names the place: no_space, corrupt, conflict (the folder is locked) or io_error.
error rocks_error(const rocksdb::Status& said, const std::filesystem::path& path, std::string_view doing);

rocksdb::DBOptions database_options(const local_log_options& options, rocksdb::WALRecoveryMode recovery);
// The default column family and those shared by compacted topics: the latest value per key, level compaction.
rocksdb::ColumnFamilyOptions keyed_options(const local_log_options& options);
// One append topic: whole files are dropped by size and age.
rocksdb::ColumnFamilyOptions append_options(const local_log_options& options, const topic_config& topic);
// The same retention, for a column family that is open.
std::unordered_map<std::string, std::string> retention_settings(const topic_config& topic);

inline constexpr char keyed_family[] = "keyed";
inline constexpr char recent_family[] = "recent";
inline constexpr char tombstones_family[] = "tombstones";
// The family of an append topic carries its first retention, so that it can be opened before the catalogue is read.
std::string append_family_name(std::uint32_t topic_id, const topic_config& topic);
struct append_family {
  std::uint32_t topic_id = 0;
  topic_config retention;  // only the two retention fields
};
result<append_family> parse_append_family(std::string_view name);

}  // namespace weir::local

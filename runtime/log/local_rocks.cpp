#include "runtime/log/local_rocks.hpp"

#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <charconv>

#include "runtime/log/quiet_rocks.hpp"

namespace weir::local {

namespace {

constexpr std::uint64_t no_size_limit = std::uint64_t{1} << 60;
constexpr std::uint64_t no_age_limit_s = 100ULL * 365 * 24 * 3600;
constexpr std::size_t largest_memtable = 64U << 20;
constexpr std::size_t smallest_memtable = 64U << 10;

std::uint64_t file_budget(const topic_config& topic) {
  return topic.retention_bytes == 0 ? no_size_limit : static_cast<std::uint64_t>(topic.retention_bytes);
}

std::uint64_t age_limit_s(const topic_config& topic) {
  if (topic.retention_ms == 0) return no_age_limit_s;
  return std::min(no_age_limit_s, static_cast<std::uint64_t>((topic.retention_ms + 999) / 1000));
}

rocksdb::BlockBasedTableOptions table_options() {
  rocksdb::BlockBasedTableOptions table;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.format_version = 5;
  table.block_size = 16U << 10;
  return table;
}

}  // namespace

error rocks_error(const rocksdb::Status& said, const std::filesystem::path& path, std::string_view doing) {
  auto const text = said.ToString();
  auto const message = fmt::format("{}: {}: {}", path.string(), doing, text);
  if (said.IsNoSpace()) return {errc::no_space, message, "free space on this disk"};
  if (said.IsIOError() && text.find("/LOCK:") != std::string::npos) {
    return {errc::conflict, fmt::format("the log in {} is open in another process ({})", path.string(), text),
            "stop that process, or give this one another folder"};
  }
  if (said.IsCorruption() || said.IsInvalidArgument() || said.IsNotFound()) {
    return {errc::corrupt, message, "restore the folder from a copy, or move it away to start empty"};
  }
  return {errc::io_error, message, {}};
}

rocksdb::DBOptions database_options(const local_log_options& options, rocksdb::WALRecoveryMode recovery) {
  rocksdb::DBOptions db;
  db.create_if_missing = true;
  db.create_missing_column_families = true;
  db.wal_recovery_mode = recovery;
  db.db_write_buffer_size = options.memtable_bytes;
  db.max_total_wal_size = options.memtable_bytes;  // bounds what the next open replays
  db.max_background_jobs = 4;
  db.bytes_per_sync = 1U << 20;
  db.wal_bytes_per_sync = 1U << 20;
  db.avoid_unnecessary_blocking_io = true;
  db.info_log = quiet_rocks::logger();
  db.stats_dump_period_sec = 0;
  db.stats_persist_period_sec = 0;
  return db;
}

rocksdb::ColumnFamilyOptions keyed_options(const local_log_options& options) {
  rocksdb::ColumnFamilyOptions family;
  family.write_buffer_size = std::min(largest_memtable, std::max(smallest_memtable, options.memtable_bytes / 4));
  family.max_write_buffer_number = 4;
  family.compression = rocksdb::kLZ4Compression;
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table_options()));
  return family;
}

rocksdb::ColumnFamilyOptions append_options(const local_log_options& options, const topic_config& topic) {
  auto family = keyed_options(options);
  // Retention drops whole files: an eighth of the budget per file keeps what is dropped at once small.
  auto const share = static_cast<std::size_t>(std::min<std::uint64_t>(file_budget(topic) / 8, largest_memtable));
  family.write_buffer_size = std::clamp(share, smallest_memtable, family.write_buffer_size);
  family.compaction_style = rocksdb::kCompactionStyleFIFO;
  family.num_levels = 1;
  family.compaction_options_fifo.max_table_files_size = file_budget(topic);
  // Small files of quiet topics are merged, into at most a memtable's size: larger ones would be written again and
  // again, and dropped in too large pieces.
  family.compaction_options_fifo.allow_compaction = true;
  family.max_compaction_bytes = family.write_buffer_size;
  family.ttl = age_limit_s(topic);
  family.periodic_compaction_seconds = 0;
  return family;
}

std::unordered_map<std::string, std::string> retention_settings(const topic_config& topic) {
  return {{"compaction_options_fifo",
           fmt::format("{{max_table_files_size={};allow_compaction=true;}}", file_budget(topic))},
          {"ttl", fmt::format("{}", age_limit_s(topic))}};
}

std::string append_family_name(std::uint32_t topic_id, const topic_config& topic) {
  return fmt::format("append.{}.{}.{}", topic_id, topic.retention_ms, topic.retention_bytes);
}

result<append_family> parse_append_family(std::string_view name) {
  constexpr std::string_view head = "append.";
  append_family found;
  auto const read = [&name](auto& number) {
    auto const [rest, reason] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (reason != std::errc{} || rest == name.data()) return false;
    name.remove_prefix(static_cast<std::size_t>(rest - name.data()));
    if (!name.empty() && name.front() == '.') name.remove_prefix(1);
    return true;
  };
  auto const whole = name;
  if (!name.starts_with(head)) return fail(errc::corrupt, "an unknown column family \"{}\"", whole);
  name.remove_prefix(head.size());
  if (!read(found.topic_id) || !read(found.retention.retention_ms) || !read(found.retention.retention_bytes) ||
      !name.empty()) {
    return fail(errc::corrupt, "an unknown column family \"{}\"", whole);
  }
  return found;
}

}  // namespace weir::local

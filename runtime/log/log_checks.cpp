#include "runtime/log/log_checks.hpp"

#include <algorithm>

namespace weir {

namespace {

constexpr std::size_t max_name_bytes = 200;

bool is_name_char(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

std::string_view kind_name(topic_kind kind) { return kind == topic_kind::append ? "append" : "compacted"; }

}  // namespace

status check_topic_config(const topic_config& config) {
  auto const& name = config.name;
  if (name.empty() || name.size() > max_name_bytes || !std::all_of(name.begin(), name.end(), is_name_char)) {
    return fail(errc::invalid_argument, "topic name \"{}\": write 1 to {} characters of A-Z a-z 0-9 . _ -",
                name.substr(0, max_name_bytes), max_name_bytes);
  }
  if (config.partitions < 1 || config.partitions > max_topic_partitions) {
    return fail(errc::invalid_argument, "topic {}: {} partitions; write 1 to {}", name, config.partitions,
                max_topic_partitions);
  }
  if (config.retention_ms < 0 || config.retention_bytes < 0) {
    return fail(errc::invalid_argument, "topic {}: retention {} ms, {} bytes; write 0 (no limit) or more", name,
                config.retention_ms, config.retention_bytes);
  }
  return {};
}

status check_writer_id(std::string_view id) {
  if (id.empty() || id.size() > max_name_bytes) {
    return fail(errc::invalid_argument, "writer id of {} characters; write 1 to {}", id.size(), max_name_bytes);
  }
  return {};
}

status check_same_topic(const topic_config& existing, const topic_config& asked) {
  if (existing.partitions == asked.partitions && existing.kind == asked.kind) return {};
  return fail(errc::conflict, "topic {} exists with {} partitions, {}; asked for {} partitions, {}", existing.name,
              existing.partitions, kind_name(existing.kind), asked.partitions, kind_name(asked.kind));
}

status check_append(const log_append& entry, const topic_config& topic, std::size_t max_entry_bytes) {
  if (entry.partition < 0 || entry.partition >= topic.partitions) {
    return fail(errc::rejected, "topic {} has partitions 0 to {}, not {}", topic.name, topic.partitions - 1,
                entry.partition);
  }
  if (topic.kind == topic_kind::compacted && entry.key.empty()) {
    return fail(errc::rejected, "topic {} keeps the latest entry per key: an entry needs a key", topic.name);
  }
  if (topic.kind == topic_kind::append && !entry.value) {
    return fail(errc::rejected, "topic {} is an append topic: an entry needs a value", topic.name);
  }
  auto const bytes = entry.key.size() + entry.header.size() + (entry.value ? entry.value->size() : 0);
  if (bytes > max_entry_bytes) {
    return fail(errc::rejected, "topic {}, partition {}: an entry of {} bytes is over the log's limit of {}",
                topic.name, entry.partition, bytes, max_entry_bytes);
  }
  return {};
}

error unknown_topic(std::string_view topic) {
  return {errc::rejected, fmt::format("the log has no topic {}", topic), "create the topic first"};
}

error no_such_partition(std::string_view topic, int partition) {
  return {errc::not_found, fmt::format("the log has no topic {} with a partition {}", topic, partition), {}};
}

status check_position(std::string_view topic, int partition, log_bounds held, std::int64_t from) {
  if (from >= held.start && from <= held.end) return {};
  return fail(errc::offset_out_of_range, "topic {}, partition {}: offset {} is not in the log, which holds {} to {}",
              topic, partition, from, held.start, held.end);
}

}  // namespace weir

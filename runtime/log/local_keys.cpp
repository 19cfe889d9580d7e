#include "runtime/log/local_keys.hpp"

namespace weir::local {

namespace {

template <class T>
void put_big_endian(std::string& out, T value) {
  char bytes[sizeof value];
  for (std::size_t i = 0; i < sizeof value; ++i) bytes[i] = static_cast<char>(value >> (8 * (sizeof value - 1 - i)));
  out.append(bytes, sizeof value);
}

template <class T>
T get_big_endian(std::string_view in) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof value; ++i) value = (value << 8) | static_cast<std::uint8_t>(in[i]);
  return value;
}

constexpr std::size_t keyed_head_bytes = 1 + 8 + 8 + 4;
constexpr std::size_t topic_record_bytes = 4 + 1 + 4 + 8 + 8;

}  // namespace

void put_u32(std::string& out, std::uint32_t value) { put_big_endian(out, value); }
void put_i64(std::string& out, std::int64_t value) { put_big_endian(out, static_cast<std::uint64_t>(value)); }
std::uint32_t get_u32(std::string_view in) { return get_big_endian<std::uint32_t>(in); }
std::int64_t get_i64(std::string_view in) { return static_cast<std::int64_t>(get_big_endian<std::uint64_t>(in)); }

std::string i64_bytes(std::int64_t value) {
  std::string out;
  put_i64(out, value);
  return out;
}

result<std::int64_t> read_i64(std::string_view bytes, std::string_view what) {
  if (bytes.size() != 8) return fail(errc::corrupt, "{} has {} bytes instead of 8", what, bytes.size());
  return get_i64(bytes);
}

std::string meta_key(char tag, std::string_view name) {
  std::string key;
  key.push_back(tag);
  key.append(name);
  return key;
}

std::string meta_key(char tag, std::uint32_t topic_id, int partition) {
  return meta_key(tag, partition_key(topic_id, partition));
}

std::string encode_topic(std::uint32_t id, const topic_config& config) {
  std::string record;
  put_u32(record, id);
  record.push_back(static_cast<char>(config.kind));
  put_u32(record, static_cast<std::uint32_t>(config.partitions));
  put_i64(record, config.retention_ms);
  put_i64(record, config.retention_bytes);
  return record;
}

result<stored_topic> decode_topic(std::string_view name, std::string_view record) {
  if (record.size() != topic_record_bytes) {
    return fail(errc::corrupt, "the record of topic {} has {} bytes instead of {}", name, record.size(),
                topic_record_bytes);
  }
  stored_topic topic;
  topic.id = get_u32(record);
  topic.config.name = std::string(name);
  topic.config.kind = static_cast<topic_kind>(record[4]);
  topic.config.partitions = static_cast<int>(get_u32(record.substr(5)));
  topic.config.retention_ms = get_i64(record.substr(9));
  topic.config.retention_bytes = get_i64(record.substr(17));
  if (topic.config.kind > topic_kind::compacted || topic.config.partitions < 1)
    return fail(errc::corrupt, "the record of topic {} names kind {} and {} partitions", name,
                static_cast<int>(topic.config.kind), topic.config.partitions);
  return topic;
}

std::string batch_key(int partition, std::int64_t offset) {
  std::string key;
  put_u32(key, static_cast<std::uint32_t>(partition));
  put_i64(key, offset);
  return key;
}

std::string partition_key(std::uint32_t topic_id, int partition) {
  std::string key;
  put_u32(key, topic_id);
  put_u32(key, static_cast<std::uint32_t>(partition));
  return key;
}

std::string keyed_key(std::uint32_t topic_id, int partition, std::string_view key) {
  return partition_key(topic_id, partition).append(key);
}

std::string offset_key(std::uint32_t topic_id, int partition, std::int64_t offset) {
  auto key = partition_key(topic_id, partition);
  put_i64(key, offset);
  return key;
}

std::string encode_keyed(const keyed_value& entry) {
  std::string out;
  out.reserve(keyed_head_bytes + entry.header.size() + entry.value.size());
  out.push_back(entry.tombstone ? 1 : 0);
  put_i64(out, entry.offset);
  put_i64(out, entry.timestamp_us);
  put_u32(out, static_cast<std::uint32_t>(entry.header.size()));
  return out.append(entry.header).append(entry.value);
}

result<keyed_value> decode_keyed(std::string_view stored) {
  if (stored.size() < keyed_head_bytes) return fail(errc::corrupt, "a compacted entry of {} bytes", stored.size());
  keyed_value entry;
  entry.tombstone = stored[0] != 0;
  entry.offset = get_i64(stored.substr(1));
  entry.timestamp_us = get_i64(stored.substr(9));
  auto const header_bytes = get_u32(stored.substr(17));
  if (header_bytes > stored.size() - keyed_head_bytes) {
    return fail(errc::corrupt, "a compacted entry of {} bytes with a header of {}", stored.size(), header_bytes);
  }
  entry.header = stored.substr(keyed_head_bytes, header_bytes);
  entry.value = stored.substr(keyed_head_bytes + header_bytes);
  return entry;
}

}  // namespace weir::local

// Keys of the embedded log in RocksDB: big-endian, so bytes sort as numbers do.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/log/log.hpp"

namespace weir::local {

void put_u32(std::string& out, std::uint32_t value);
void put_i64(std::string& out, std::int64_t value);  // not negative, where order matters
std::uint32_t get_u32(std::string_view in);          // in: at least 4 bytes
std::int64_t get_i64(std::string_view in);           // in: at least 8 bytes

std::string i64_bytes(std::int64_t value);
// errc::corrupt unless `bytes` are exactly 8; what: named in the error.
result<std::int64_t> read_i64(std::string_view bytes, std::string_view what);

// Records of the default column family; the first byte of a key says which.
namespace meta {
inline constexpr std::string_view format_key = "v";
inline constexpr std::string_view next_topic_id_key = "i";
inline constexpr char topic = 't';     // + name -> id, kind, partitions, retention
inline constexpr char writer = 'w';    // + writer id -> epoch
inline constexpr char next = 'n';      // + topic id, partition -> the next offset
inline constexpr char reserved = 'r';  // + topic id, partition -> the bound that next may reach without a sync
inline constexpr char horizon = 'h';   // + topic id, partition -> tombstones at or above this offset are all kept
inline constexpr char jump = 'j';      // + topic id, partition, from -> to: lost in a power failure
}  // namespace meta

std::string meta_key(char tag, std::string_view name);
std::string meta_key(char tag, std::uint32_t topic_id, int partition);

// A topic's record in the catalogue; its name is in the key.
struct stored_topic {
  std::uint32_t id = 0;
  topic_config config;
};
std::string encode_topic(std::uint32_t id, const topic_config& config);
result<stored_topic> decode_topic(std::string_view name, std::string_view record);

// In an append topic's column family: partition, base offset.
std::string batch_key(int partition, std::int64_t offset);
// In the column families shared by compacted topics: topic id, partition, and then a key or an offset.
std::string partition_key(std::uint32_t topic_id, int partition);
std::string keyed_key(std::uint32_t topic_id, int partition, std::string_view key);
std::string offset_key(std::uint32_t topic_id, int partition, std::int64_t offset);
inline constexpr std::size_t partition_key_bytes = 8;

// The value of a compacted entry; the views point into the stored bytes.
struct keyed_value {
  std::int64_t offset = 0;
  std::int64_t timestamp_us = 0;
  bool tombstone = false;
  std::string_view header;
  std::string_view value;
};
std::string encode_keyed(const keyed_value& entry);
result<keyed_value> decode_keyed(std::string_view stored);

}  // namespace weir::local

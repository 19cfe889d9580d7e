#include "runtime/log/kafka_record.hpp"

namespace weir::kafka {

namespace {

constexpr std::size_t timestamp_bytes = sizeof(std::int64_t);

}  // namespace

headers_ptr headers_of(const log_append& entry) {
  std::string value;
  if (!entry.header.empty() || entry.timestamp_us != 0) {
    for (int shift = 56; shift >= 0; shift -= 8) value.push_back(static_cast<char>(entry.timestamp_us >> shift));
    value.append(entry.header);
  }
  headers_ptr headers(rd_kafka_headers_new(1));
  rd_kafka_header_add(headers.get(), header_name, sizeof header_name - 1, value.data(),
                      static_cast<ssize_t>(value.size()));
  return headers;
}

result<log_entry> to_entry(rd_kafka_message_t& message, std::string_view topic) {
  log_entry entry;
  entry.offset = message.offset;
  if (message.key != nullptr) entry.key.assign(static_cast<const char*>(message.key), message.key_len);
  if (message.payload != nullptr) entry.value.emplace(static_cast<const char*>(message.payload), message.len);
  rd_kafka_headers_t* headers = nullptr;
  const void* found = nullptr;
  std::size_t size = 0;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
      rd_kafka_header_get_last(headers, header_name, &found, &size) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    auto const ms = rd_kafka_message_timestamp(&message, nullptr);
    entry.timestamp_us = ms < 0 ? 0 : ms * 1'000;
    return entry;
  }
  if (size == 0) return entry;
  if (size < timestamp_bytes) {
    return fail(errc::corrupt, "topic {}, partition {}, offset {}: its header '{}' of {} bytes is not what weir writes",
                topic, message.partition, message.offset, header_name, size);
  }
  auto const* bytes = static_cast<const unsigned char*>(found);
  std::uint64_t timestamp = 0;
  for (std::size_t i = 0; i < timestamp_bytes; ++i) timestamp = timestamp << 8 | bytes[i];
  entry.timestamp_us = static_cast<std::int64_t>(timestamp);
  entry.header.assign(static_cast<const char*>(found) + timestamp_bytes, size - timestamp_bytes);
  return entry;
}

}  // namespace weir::kafka

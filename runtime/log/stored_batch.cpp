#include "runtime/log/stored_batch.hpp"

#include <bit>
#include <cstring>
#include <limits>

namespace weir {

namespace {

constexpr char format_version = 1;
// Who parses a large value may need readable bytes behind it: with room for them it is not copied once more.
constexpr std::size_t large_value = 4'096, room_behind = 64;
constexpr std::size_t head_bytes = 1 + sizeof(std::int64_t) + sizeof(std::uint32_t);
static_assert(std::endian::native == std::endian::little, "the stored layout is little-endian");

void put_varint(std::string& out, std::uint64_t value) {
  char bytes[10];
  std::size_t used = 0;
  for (; value >= 0x80; value >>= 7) bytes[used++] = static_cast<char>(value | 0x80);
  bytes[used++] = static_cast<char>(value);
  out.append(bytes, used);
}

bool get_varint(std::string_view& in, std::uint64_t& value) {
  value = 0;
  for (unsigned shift = 0; shift < 64 && !in.empty(); shift += 7) {
    auto const byte = static_cast<std::uint8_t>(in.front());
    in.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

// Differences wrap around on purpose, so that any two timestamps have one.
std::uint64_t zigzag(std::uint64_t difference) { return (difference << 1) ^ (0 - (difference >> 63)); }

std::uint64_t unzigzag(std::uint64_t coded) { return (coded >> 1) ^ (0 - (coded & 1)); }

}  // namespace

stored_batch_builder::stored_batch_builder(std::size_t expected_bytes) {
  bytes_.reserve(expected_bytes + head_bytes);
  bytes_.assign(head_bytes, '\0');
}

void stored_batch_builder::add(const log_append& entry) {
  auto const value = entry.value.value_or(std::string_view{});
  put_varint(bytes_, entry.key.size());
  put_varint(bytes_, entry.header.size());
  put_varint(bytes_, value.size());
  put_varint(bytes_,
             zigzag(static_cast<std::uint64_t>(entry.timestamp_us) - static_cast<std::uint64_t>(last_timestamp_us_)));
  bytes_.append(entry.key).append(entry.header).append(value);
  last_timestamp_us_ = entry.timestamp_us;
  ++count_;
}

std::string_view stored_batch_builder::finish(std::int64_t base) {
  bytes_[0] = format_version;
  std::memcpy(bytes_.data() + 1, &base, sizeof base);
  std::memcpy(bytes_.data() + 1 + sizeof base, &count_, sizeof count_);
  return bytes_;
}

result<stored_batch_cursor> stored_batch_cursor::open(std::string_view stored) {
  if (stored.size() < head_bytes) return fail(errc::corrupt, "a stored batch of {} bytes", stored.size());
  if (stored[0] != format_version) {
    return fail(errc::corrupt, "a stored batch of format {}; this version reads {}", int{stored[0]},
                int{format_version});
  }
  stored_batch_cursor cursor;
  std::uint32_t count = 0;
  std::memcpy(&cursor.base_, stored.data() + 1, sizeof cursor.base_);
  std::memcpy(&count, stored.data() + 1 + sizeof cursor.base_, sizeof count);
  cursor.count_ = count;
  if (cursor.base_ < 0 || cursor.base_ > std::numeric_limits<std::int64_t>::max() - count)
    return fail(errc::corrupt, "a stored batch at offset {}", cursor.base_);
  cursor.position_ = cursor.base_;
  cursor.rest_ = stored.substr(head_bytes);
  return cursor;
}

result<stored_batch_cursor::parts> stored_batch_cursor::advance() {
  std::uint64_t key = 0, header = 0, value = 0, difference = 0;
  if (position_ >= end() || !get_varint(rest_, key) || !get_varint(rest_, header) || !get_varint(rest_, value) ||
      !get_varint(rest_, difference) || key > rest_.size() || header > rest_.size() - key ||
      value > rest_.size() - key - header) {
    return fail(errc::corrupt, "the stored batch at offset {} breaks off at offset {} of {}", base_, position_, end());
  }
  timestamp_us_ = static_cast<std::int64_t>(static_cast<std::uint64_t>(timestamp_us_) + unzigzag(difference));
  parts found{rest_.substr(0, key), rest_.substr(key, header), rest_.substr(key + header, value)};
  rest_.remove_prefix(key + header + value);
  ++position_;
  return found;
}

result<log_entry> stored_batch_cursor::next() {
  auto const offset = position_;
  WEIR_TRY(found, advance());
  log_entry out{offset, std::string(found.key), std::string(), std::string(found.header), timestamp_us_};
  out.value->reserve(found.value.size() + (found.value.size() >= large_value ? room_behind : 0));
  out.value->append(found.value);
  return out;
}

status stored_batch_cursor::skip_to(std::int64_t offset) {
  while (position_ < offset) {
    auto skipped = advance();
    if (!skipped) return fail(std::move(skipped).error());
  }
  return {};
}

}  // namespace weir

// Entries of one append partition packed into one stored value.
//
// Layout, little-endian: version u8 = 1, base offset i64, count u32, then per entry: varint key bytes, varint header
// bytes, varint value bytes, zigzag varint timestamp minus the one before, key, header, value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/log/log.hpp"

namespace weir {

class stored_batch_builder {
 public:
  // expected_bytes: what to reserve.
  explicit stored_batch_builder(std::size_t expected_bytes);
  void add(const log_append& entry);
  std::uint32_t count() const { return count_; }
  std::size_t bytes() const { return bytes_.size(); }
  // The stored value, valid until the builder changes. base: the offset of the first entry.
  std::string_view finish(std::int64_t base);

 private:
  std::string bytes_;
  std::uint32_t count_ = 0;
  std::int64_t last_timestamp_us_ = 0;
};

// Walks over a stored value, which must outlive the cursor. Bytes that cannot be what was written: errc::corrupt.
class stored_batch_cursor {
 public:
  static result<stored_batch_cursor> open(std::string_view stored);
  std::int64_t base() const { return base_; }
  std::int64_t end() const { return base_ + count_; }
  // The offset of the entry that next() answers; end() when there is none left.
  std::int64_t position() const { return position_; }
  result<log_entry> next();
  // Goes on to `offset`, which must lie between position() and end().
  status skip_to(std::int64_t offset);

 private:
  struct parts {
    std::string_view key, header, value;
  };
  result<parts> advance();

  std::string_view rest_;
  std::int64_t base_ = 0;
  std::int64_t count_ = 0;
  std::int64_t position_ = 0;
  std::int64_t timestamp_us_ = 0;
};

}  // namespace weir

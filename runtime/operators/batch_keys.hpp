// The encoded group keys of a batch (runtime/batch/key_codec.hpp) in one buffer, with a hash each: nothing is allocated
// per row, and nothing at all once the buffers have grown.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "runtime/batch/column.hpp"

namespace weir {

// For tables in memory; where a group lives is decided by stable_hash.
std::uint64_t table_hash(std::string_view bytes);
inline std::uint64_t table_hash(std::uint64_t key_hash, std::int64_t window) {
  const std::uint64_t h = (key_hash ^ static_cast<std::uint64_t>(window)) * 0x9e3779b97f4a7c15u;
  return h ^ h >> 32;
}

// Keys are short: words that overlap at the end compare them without a call.
inline bool same_key(std::string_view a, std::string_view b) {
  const auto word = [](const char* p) {
    std::uint64_t w = 0;
    std::memcpy(&w, p, sizeof w);
    return w;
  };
  const std::size_t n = a.size();
  if (n != b.size()) return false;
  if (n < 8 || n > 32) return a == b;
  for (std::size_t i = 0; i + 8 < n; i += 8)
    if (word(a.data() + i) != word(b.data() + i)) return false;
  return word(a.data() + n - 8) == word(b.data() + n - 8);
}

class batch_keys {
 public:
  void encode(std::span<const column_ptr> columns, std::size_t rows);
  std::size_t size() const { return hashes_.size(); }
  std::string_view operator[](std::size_t row) const {
    return {buffer_.data() + begins_[row], begins_[row + 1] - begins_[row]};
  }
  std::uint64_t hash(std::size_t row) const { return hashes_[row]; }

 private:
  void put(const column& values, std::size_t row);
  char* room(std::size_t bytes) {
    if (buffer_.size() < used_ + bytes) grow(bytes);
    return buffer_.data() + used_;
  }
  void grow(std::size_t bytes);

  std::vector<char> buffer_;
  std::size_t used_ = 0;
  std::vector<std::size_t> begins_;
  std::vector<std::uint64_t> hashes_;
};

}  // namespace weir

// Bytes of states and partial aggregates: little-endian numbers, varints and length-prefixed texts.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace weir {

inline void put_u8(std::string& out, std::uint8_t v) { out.push_back(static_cast<char>(v)); }

inline void put_u32(std::string& out, std::uint32_t v) {
  for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>(v >> shift));
}

inline void put_u64(std::string& out, std::uint64_t v) {
  for (int shift = 0; shift < 64; shift += 8) out.push_back(static_cast<char>(v >> shift));
}

inline void put_i64(std::string& out, std::int64_t v) { put_u64(out, static_cast<std::uint64_t>(v)); }

inline void put_varint(std::string& out, std::uint64_t v) {
  for (; v >= 0x80; v >>= 7) out.push_back(static_cast<char>(v | 0x80));
  out.push_back(static_cast<char>(v));
}

inline void put_zigzag(std::string& out, std::int64_t v) {
  put_varint(out, static_cast<std::uint64_t>(v) << 1 ^ static_cast<std::uint64_t>(v >> 63));
}

inline void put_bytes(std::string& out, std::string_view v) {
  put_varint(out, v.size());
  out.append(v);
}

// Reads what the functions above wrote. A read past the end, or of something that cannot be, gives zero and makes the
// reader fail for good, so a caller may check ok() once, before it uses what it read.
class byte_reader {
 public:
  explicit byte_reader(std::string_view bytes) : rest_(bytes) {}

  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }
  std::size_t remaining() const { return rest_.size(); }
  std::string_view rest() const { return rest_; }
  void reject() {
    ok_ = false;
    rest_ = {};
  }

  std::string_view take(std::uint64_t n) {
    if (n > rest_.size()) {
      reject();
      return {};
    }
    const auto taken = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return taken;
  }

  std::uint8_t u8() {
    const auto b = take(1);
    return b.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(b[0]);
  }
  std::uint32_t u32() { return static_cast<std::uint32_t>(little_endian(take(4))); }
  std::uint64_t u64() { return little_endian(take(8)); }
  std::int64_t i64() { return static_cast<std::int64_t>(u64()); }

  std::uint64_t varint() {
    std::uint64_t v = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const std::uint8_t b = u8();
      if (shift == 63 && b > 1) break;
      v |= static_cast<std::uint64_t>(b & 0x7f) << shift;
      if ((b & 0x80) == 0) return ok_ ? v : 0;
    }
    reject();
    return 0;
  }
  std::int64_t zigzag() {
    const std::uint64_t v = varint();
    return static_cast<std::int64_t>(v >> 1 ^ (~(v & 1) + 1));
  }
  std::string_view bytes() { return take(varint()); }

 private:
  static std::uint64_t little_endian(std::string_view b) {
    std::uint64_t v = 0;
    for (std::size_t i = b.size(); i > 0; --i) v = v << 8 | static_cast<unsigned char>(b[i - 1]);
    return v;
  }

  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace weir

#include "runtime/operators/batch_keys.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "runtime/batch/key_codec.hpp"
#include "runtime/operators/aggregate/int128.hpp"

namespace weir {

namespace {

constexpr std::uint64_t multiplier = 0x9fb21c651e98df25u;

std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
  const uint128 product = static_cast<uint128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

template <class T>
std::uint64_t load(const char* bytes) {
  T v;
  std::memcpy(&v, bytes, sizeof v);
  return v;
}

constexpr bool holds_zero(std::uint64_t w) { return ((w - 0x0101010101010101u) & ~w & 0x8080808080808080u) != 0; }

// Copies a text; false when it holds a zero byte. Keys are short: words that overlap at the end do it without a call.
bool copy_without_zero(char* to, const char* from, std::size_t n) {
  if (n < 4) {
    for (std::size_t i = 0; i < n; ++i) {
      if (from[i] == 0) return false;
      to[i] = from[i];
    }
    return true;
  }
  if (n < 8) {
    const auto head = load<std::uint32_t>(from), tail = load<std::uint32_t>(from + n - 4);
    if (holds_zero(head | tail << 32)) return false;
    std::memcpy(to, from, 4);
    std::memcpy(to + n - 4, from + n - 4, 4);
    return true;
  }
  for (std::size_t i = 0;; i = std::min(i + 8, n - 8)) {
    const auto w = load<std::uint64_t>(from + i);
    if (holds_zero(w)) return false;
    std::memcpy(to + i, &w, 8);
    if (i + 8 == n) return true;
  }
}

}  // namespace

std::uint64_t table_hash(std::string_view bytes) {
  const char* p = bytes.data();
  std::size_t n = bytes.size();
  std::uint64_t h = fold(n ^ 0xa0761d6478bd642fu, multiplier);
  if (n >= 8) {
    for (; n > 8; n -= 8, p += 8) h = fold(h ^ load<std::uint64_t>(p), multiplier);
    return fold(h ^ load<std::uint64_t>(p + n - 8), multiplier);
  }
  if (n >= 4) return fold(h ^ (load<std::uint32_t>(p) << 32 | load<std::uint32_t>(p + n - 4)), multiplier);
  std::uint64_t tail = 0;
  for (; n > 0; --n) tail = tail << 8 | static_cast<unsigned char>(p[n - 1]);
  return fold(h ^ tail, multiplier);
}

void batch_keys::grow(std::size_t bytes) { buffer_.resize(std::max(used_ + bytes, buffer_.size() * 2)); }

void batch_keys::put(const column& values, std::size_t row) {
  // The common shapes by hand, the same bytes as append_key's; that one does the rest.
  if (!values.is_null(row) && is_text_like(values.type())) {
    const auto text = values.text(row);
    char* const out = room(text.size() + 3);
    if (copy_without_zero(out + 1, text.data(), text.size())) {
      out[0] = 1;
      out[text.size() + 1] = out[text.size() + 2] = 0;
      used_ += text.size() + 3;
      return;
    }
  } else if (!values.is_null(row) && values.type() != data_type::double_precision) {
    char* const out = room(9);
    out[0] = 1;
    const auto bits = static_cast<std::uint64_t>(values.ints()[row]) ^ std::uint64_t{1} << 63;
    for (int i = 0; i < 8; ++i) out[1 + i] = static_cast<char>(bits >> (56 - 8 * i));
    used_ += 9;
    return;
  }
  std::string encoded;
  append_key(encoded, values, row);
  std::memcpy(room(encoded.size()), encoded.data(), encoded.size());
  used_ += encoded.size();
}

void batch_keys::encode(std::span<const column_ptr> columns, std::size_t rows) {
  used_ = 0;
  begins_.resize(rows + 1);
  hashes_.resize(rows);
  begins_[0] = 0;
  room(1);
  for (std::size_t row = 0; row < rows; ++row) {
    for (const auto& c : columns) put(*c, row);
    begins_[row + 1] = used_;
  }
  for (std::size_t row = 0; row < rows; ++row) hashes_[row] = table_hash((*this)[row]);
}

}  // namespace weir

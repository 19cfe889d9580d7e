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

char* batch_keys::room(std::size_t bytes) {
  if (buffer_.size() < used_ + bytes) buffer_.resize(std::max(used_ + bytes, buffer_.size() * 2));
  return buffer_.data() + used_;
}

void batch_keys::put(const column& values, std::size_t row) {
  // The common shapes by hand, the same bytes as append_key's; that one does the rest.
  if (!values.is_null(row) && is_text_like(values.type())) {
    const auto text = values.text(row);
    if (text.empty() || std::memchr(text.data(), 0, text.size()) == nullptr) {
      char* const out = room(text.size() + 3);
      out[0] = 1;
      if (!text.empty()) std::memcpy(out + 1, text.data(), text.size());
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

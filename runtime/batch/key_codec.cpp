#include "runtime/batch/key_codec.hpp"

#include <bit>
#include <cmath>
#include <limits>

namespace weir {

namespace {

constexpr char present = 1, null = 2;
constexpr std::uint64_t sign_bit = std::uint64_t{1} << 63;

void append_big_endian(std::string& out, std::uint64_t v) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(v >> shift));
}

std::uint64_t ordered_bits(double v) {
  if (std::isnan(v)) return ~std::uint64_t{0};
  if (v == 0) v = 0;  // -0.0 and 0.0 are one key
  const auto bits = std::bit_cast<std::uint64_t>(v);
  return (bits & sign_bit) != 0 ? ~bits : bits | sign_bit;
}

double from_ordered_bits(std::uint64_t bits) {
  if (bits == ~std::uint64_t{0}) return std::numeric_limits<double>::quiet_NaN();
  return std::bit_cast<double>((bits & sign_bit) != 0 ? bits & ~sign_bit : ~bits);
}

// Takes a text with its end from the front of `key`; appends it to `out` when there is one.
status take_text(std::string_view& key, std::string* out) {
  for (std::size_t from = 0;;) {
    const auto zero = key.find('\0', from);
    if (zero == std::string_view::npos || zero + 1 == key.size()) return fail(errc::corrupt, "key ends inside a text");
    if (out != nullptr) out->append(key, from, zero - from);
    const auto next = static_cast<unsigned char>(key[zero + 1]);
    from = zero + 2;
    if (next == 0) {
      key.remove_prefix(from);
      return {};
    }
    if (next != 0xff) return fail(errc::corrupt, "key holds a lone zero byte");
    if (out != nullptr) out->push_back('\0');
  }
}

// Takes the tag from the front of `key`: whether a value follows.
result<bool> take_tag(std::string_view& key) {
  if (key.empty()) return fail(errc::corrupt, "key ends before its last column");
  const char tag = key.front();
  key.remove_prefix(1);
  if (tag != present && tag != null) return fail(errc::corrupt, "key holds the unknown tag {}", static_cast<int>(tag));
  return tag == present;
}

status no_number() { return fail(errc::corrupt, "key ends inside a number"); }

}  // namespace

void append_key(std::string& out, const column& values, std::size_t row) {
  if (values.is_null(row)) {
    out.push_back(null);
    return;
  }
  out.push_back(present);
  if (is_text_like(values.type())) {
    for (const char c : values.text(row)) {
      out.push_back(c);
      if (c == '\0') out.push_back(static_cast<char>(0xff));
    }
    out.append(2, '\0');
  } else if (values.type() == data_type::double_precision) {
    append_big_endian(out, ordered_bits(values.doubles()[row]));
  } else {
    append_big_endian(out, static_cast<std::uint64_t>(values.ints()[row]) ^ sign_bit);
  }
}

std::string encode_key(const record_batch& rows, std::span<const std::size_t> columns, std::size_t row) {
  std::string out;
  for (const auto c : columns) append_key(out, *rows.columns[c], row);
  return out;
}

status decode_key(std::string_view& key, column& out) {
  WEIR_TRY(has_value, take_tag(key));
  if (!has_value) {
    out.push_null();
    return {};
  }
  if (is_text_like(out.type())) {
    std::string text;
    WEIR_TRY_VOID(take_text(key, &text));
    out.push_text(text);
    return {};
  }
  if (key.size() < 8) return no_number();
  std::uint64_t bits = 0;
  for (int i = 0; i < 8; ++i) bits = bits << 8 | static_cast<unsigned char>(key[static_cast<std::size_t>(i)]);
  key.remove_prefix(8);
  if (out.type() == data_type::double_precision)
    out.push_double(from_ordered_bits(bits));
  else
    out.push_int(static_cast<std::int64_t>(bits ^ sign_bit));
  return {};
}

status skip_key(std::string_view& key, data_type type) {
  WEIR_TRY(has_value, take_tag(key));
  if (!has_value) return {};
  if (is_text_like(type)) return take_text(key, nullptr);
  if (key.size() < 8) return no_number();
  key.remove_prefix(8);
  return {};
}

std::uint64_t stable_hash(std::string_view bytes) {
  std::uint64_t h = 0xcbf29ce484222325u;
  for (const char c : bytes) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  h ^= h >> 33;
  h *= 0xff51afd7ed558ccdu;
  h ^= h >> 33;
  return h;
}

}  // namespace weir

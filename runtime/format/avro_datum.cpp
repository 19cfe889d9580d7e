#include "runtime/format/avro_datum.hpp"

#include <bit>
#include <cmath>
#include <cstring>

#include "runtime/format/json_writer.hpp"
#include "runtime/format/text_value.hpp"
#include "runtime/operators/aggregate/int128.hpp"
#include "runtime/time/timestamp.hpp"

namespace weir {

namespace {

constexpr int max_depth = 64;
constexpr std::size_t least_json = std::size_t{64} << 10, json_per_byte = 256;

class avro_reader {
 public:
  avro_reader(std::string_view bytes, std::string& out)
      : bytes_(bytes), out_(out), begin_(out.size()), max_json_(least_json + json_per_byte * bytes.size()) {}

  status value(const avro_type& type, int depth) {
    if (depth > max_depth) return fail(errc::limit_exceeded, "the value nests deeper than {}", max_depth);
    if (out_.size() - begin_ > max_json_)
      return fail(errc::limit_exceeded, "the value of {} bytes becomes more than {} of JSON", bytes_.size(), max_json_);
    switch (type.kind) {
      case avro_kind::null: out_ += "null"; return {};
      case avro_kind::boolean: return boolean();
      case avro_kind::int32:
      case avro_kind::int64: return integer(type);
      case avro_kind::float32: return real<float, std::uint32_t>();
      case avro_kind::float64: return real<double, std::uint64_t>();
      case avro_kind::bytes:
      case avro_kind::fixed: return binary(type);
      case avro_kind::string: return text();
      case avro_kind::enumeration: return symbol(type);
      case avro_kind::array: return blocks(*type.items, false, depth);
      case avro_kind::map: return blocks(*type.items, true, depth);
      case avro_kind::choice: return branch(type, depth);
      case avro_kind::record: return record(type, depth);
    }
    return {};
  }
  std::size_t left() const { return bytes_.size() - at_; }

 private:
  static tl::unexpected<error> ends_early() { return fail(errc::parse_error, "the value breaks off"); }

  result<std::int64_t> number() {
    std::uint64_t raw = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      if (at_ == bytes_.size()) return ends_early();
      const auto byte = static_cast<unsigned char>(bytes_[at_++]);
      if (shift == 63 && byte > 1) break;
      raw |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return static_cast<std::int64_t>(raw >> 1) ^ -static_cast<std::int64_t>(raw & 1);
    }
    return fail(errc::parse_error, "a number has more than 64 bits");
  }

  result<std::string_view> take(std::size_t count) {
    if (count > left()) return ends_early();
    at_ += count;
    return bytes_.substr(at_ - count, count);
  }

  result<std::string_view> counted() {
    WEIR_TRY(size, number());
    if (size < 0 || static_cast<std::uint64_t>(size) > left())
      return fail(errc::parse_error, "a text or bytes of {} bytes, where {} are left", size, left());
    return take(static_cast<std::size_t>(size));
  }

  status boolean() {
    WEIR_TRY(byte, take(1));
    if (static_cast<unsigned char>(byte[0]) > 1) return fail(errc::parse_error, "a boolean that is neither 0 nor 1");
    out_ += byte[0] == 1 ? "true" : "false";
    return {};
  }

  status integer(const avro_type& type) {
    WEIR_TRY(n, number());
    if (type.kind == avro_kind::int32 && (n < INT32_MIN || n > INT32_MAX))
      return fail(errc::parse_error, "an int of more than 32 bits");
    std::int64_t us = n;
    const std::int64_t unit = type.logical == avro_logical::date               ? us_per_day
                              : type.logical == avro_logical::timestamp_millis ? us_per_ms
                                                                               : 1;
    const bool is_time = type.logical != avro_logical::none && !__builtin_mul_overflow(n, unit, &us) &&
                         us >= timestamp_min_us && us <= timestamp_max_us;
    if (is_time)
      append_json_string(out_, format_timestamp(us));
    else
      out_ += std::to_string(n);
    return {};
  }

  template <class Real, class Bits>
  status real() {
    WEIR_TRY(raw, take(sizeof(Bits)));
    Bits bits = 0;
    for (std::size_t i = 0; i < sizeof(Bits); ++i)
      bits |= static_cast<Bits>(static_cast<unsigned char>(raw[i])) << (8 * i);
    const auto value = static_cast<double>(std::bit_cast<Real>(bits));
    if (std::isnan(value))
      out_ += "\"NaN\"";
    else if (std::isinf(value))
      out_ += value < 0 ? "\"-Infinity\"" : "\"Infinity\"";
    else
      out_ += fmt::format("{}", value);
    return {};
  }

  status binary(const avro_type& type) {
    WEIR_TRY(raw, type.kind == avro_kind::fixed ? take(type.size) : counted());
    if (type.logical == avro_logical::decimal && raw.size() <= sizeof(int128)) {
      decimal(raw, type.scale);
      return {};
    }
    out_ += "\"\\";  // JSON's own escape of the backslash
    append_bytea_text(out_, raw);
    out_ += '"';
    return {};
  }

  // Two's complement, the most significant byte first.
  void decimal(std::string_view raw, std::size_t scale) {
    uint128 bits = !raw.empty() && (raw[0] & 0x80) != 0 ? ~static_cast<uint128>(0) : 0;
    for (const char c : raw) bits = bits << 8 | static_cast<unsigned char>(c);
    const bool negative = static_cast<int128>(bits) < 0;
    if (negative) bits = ~bits + 1;
    std::string digits;
    do {
      digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(bits % 10)));
      bits /= 10;
    } while (bits != 0);
    if (digits.size() <= scale) digits.insert(0, scale + 1 - digits.size(), '0');
    if (scale > 0) digits.insert(digits.size() - scale, ".");
    if (negative) out_ += '-';
    out_ += digits;
  }

  status text() {
    WEIR_TRY(raw, counted());
    if (!is_valid_utf8(raw)) return fail(errc::parse_error, "a text that is no UTF-8: {}", quoted_excerpt(raw));
    append_json_string(out_, raw);
    return {};
  }

  status symbol(const avro_type& type) {
    WEIR_TRY(n, number());
    if (n < 0 || static_cast<std::uint64_t>(n) >= type.symbols.size())
      return fail(errc::parse_error, "symbol {} of an enum of {}", n, type.symbols.size());
    append_json_string(out_, type.symbols[static_cast<std::size_t>(n)]);
    return {};
  }

  status branch(const avro_type& type, int depth) {
    WEIR_TRY(n, number());
    if (n < 0 || static_cast<std::uint64_t>(n) >= type.branches.size())
      return fail(errc::parse_error, "branch {} of a union of {}", n, type.branches.size());
    return value(*type.branches[static_cast<std::size_t>(n)], depth + 1);
  }

  // A negative count is followed by the block's size in bytes, which only those need who skip it.
  status blocks(const avro_type& items, bool named, int depth) {
    out_ += named ? '{' : '[';
    for (bool first = true;;) {
      WEIR_TRY(count, number());
      if (count == 0) break;
      if (count < 0) WEIR_TRY_VOID(number());
      for (std::uint64_t left = count < 0 ? 0 - static_cast<std::uint64_t>(count) : static_cast<std::uint64_t>(count);
           left > 0; --left) {
        if (!std::exchange(first, false)) out_ += ',';
        if (named) {
          WEIR_TRY_VOID(text());
          out_ += ':';
        }
        WEIR_TRY_VOID(value(items, depth + 1));
      }
    }
    out_ += named ? '}' : ']';
    return {};
  }

  status record(const avro_type& type, int depth) {
    out_ += '{';
    bool first = true;
    for (const auto& field : type.fields) {
      if (!std::exchange(first, false)) out_ += ',';
      append_json_string(out_, field.name);
      out_ += ':';
      if (auto good = value(*field.type, depth + 1); !good) {
        if (depth == 0) good.error().message = fmt::format("field '{}': {}", field.name, good.error().message);
        return good;
      }
    }
    out_ += '}';
    return {};
  }

  std::string_view bytes_;
  std::string& out_;
  std::size_t begin_, max_json_;
  std::size_t at_ = 0;
};

}  // namespace

status avro_to_json(const avro_type& type, std::string_view datum, std::string& out) {
  avro_reader reader(datum, out);
  WEIR_TRY_VOID(reader.value(type, 0));
  if (reader.left() > 0) return fail(errc::parse_error, "{} bytes stand behind the value", reader.left());
  return {};
}

}  // namespace weir

// Sums of doubles without any rounding until the end, so that the order of the terms cannot matter (PROTOCOL 17).
//
// The sum is a big fixed-point number of base 2^32 digits; digit i weighs 2^(32 i - 2176). Digits are signed 64-bit
// numbers, so a term is three additions and carries wait for up to 2^30 terms. Only the digits between the smallest and
// the largest term are kept. Every finite double fits (subnormals, and 1e308 + 1e308 - 1e308), and so does every square
// of a double and of a 64-bit integer. NaN, +Infinity and -Infinity are counted apart. A sum of nothing but zeros is
// 0.0, whatever their signs.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <vector>

#include "runtime/fault/protocol_rules.hpp"
#include "runtime/operators/aggregate/int128.hpp"
#include "runtime/operators/byte_codec.hpp"

namespace weir {

// A number as sign, digits (most significant last, no zero at either end) and the weight of the first: 2^exponent.
struct exact_magnitude {
  bool negative = false;
  int exponent = 0;
  std::vector<std::uint32_t> digits;  // empty: zero
};

class exact_sum {
 public:
  static constexpr int bias = 2176;                 // 2^-bias is digit 0's weight; the smallest square is 2^-2148
  static constexpr std::uint32_t max_digits = 140;  // up to 2^2304: the largest square times 2^64 terms, and more

  // negate: subtract it.
  void add(double v, bool negate = false) {
    if (!rule_on(17)) return add_rounded(v, negate);
    const auto bits = std::bit_cast<std::uint64_t>(v);
    const auto exponent = static_cast<int>(bits >> 52 & 0x7ff);
    std::uint64_t mantissa = bits & mantissa_mask;
    if (exponent == 0x7ff) return add_special(v, negate);
    if (exponent != 0) mantissa |= mantissa_mask + 1;
    if (mantissa != 0) add_scaled(mantissa, (exponent == 0 ? 1 : exponent) - 1075, (bits >> 63 != 0) != negate);
  }
  void add(std::int64_t v, bool negate = false) { add_scaled(magnitude_of(v), 0, (v < 0) != negate); }
  // Adds v * v. Squares of both infinities count as +Infinity.
  void add_square(double v, bool negate = false);
  void add_square(std::int64_t v, bool negate = false);

  void merge(const exact_sum& other);
  void clear();

  bool special() const { return nans_ != 0 || positive_infinities_ != 0 || negative_infinities_ != 0; }
  // The sum when it holds a NaN or an infinity: NaN, +Infinity or -Infinity.
  double special_value() const;
  exact_magnitude magnitude() const;
  // Rounded once, to nearest, ties to even; ±Infinity when the exact sum lies beyond the largest double.
  double rounded() const;

  // Canonical: equal sums are equal bytes, however they came about.
  void serialize(std::string& out) const;
  // Adds a serialized sum; a reader that fails leaves this one as it was.
  void merge_serialized(byte_reader& in);

  std::size_t heap_bytes() const { return digits_.capacity() * sizeof(std::int64_t); }

 private:
  static constexpr std::uint64_t mantissa_mask = (std::uint64_t{1} << 52) - 1;
  static constexpr std::uint32_t max_pending = 1u << 30;
  static constexpr std::int64_t max_specials = std::int64_t{1} << 48;  // what stored bytes may claim
  static std::uint64_t magnitude_of(std::int64_t v) {
    return v < 0 ? ~static_cast<std::uint64_t>(v) + 1 : static_cast<std::uint64_t>(v);
  }

  // ± mantissa * 2^exponent
  void add_scaled(std::uint64_t mantissa, int exponent, bool negative) {
    const auto position = static_cast<std::uint32_t>(exponent + bias);
    const std::uint32_t first = position >> 5;
    if (first < low_ || first + 3 > low_ + digits_.size()) cover(first, first + 3);
    if (++pending_ >= max_pending) carry();
    const uint128 shifted = static_cast<uint128>(mantissa) << (position & 31);
    auto* digit = digits_.data() + (first - low_);
    const auto d0 = static_cast<std::int64_t>(static_cast<std::uint32_t>(shifted));
    const auto d1 = static_cast<std::int64_t>(static_cast<std::uint32_t>(shifted >> 32));
    const auto d2 = static_cast<std::int64_t>(static_cast<std::uint32_t>(shifted >> 64));
    const std::int64_t sign = negative ? -1 : 1;
    digit[0] += sign * d0;
    digit[1] += sign * d1;
    digit[2] += sign * d2;
  }
  void add_rounded(double v, bool negate);  // as plain doubles do; only with PROTOCOL 17 switched off
  void add_special(double v, bool negate);
  void cover(std::uint32_t first, std::uint32_t end);
  void carry();

  std::vector<std::int64_t> digits_;
  std::uint32_t low_ = 0;      // index of digits_[0]
  std::uint32_t pending_ = 0;  // terms since the last carry
  std::int64_t nans_ = 0, positive_infinities_ = 0, negative_infinities_ = 0;
};

// numerator * 2^exponent / denominator as the nearest double, ties to even, for a quotient that was truncated to
// `significant` (at least 55 bits, unless exact) and whose lost part is not zero when `inexact`.
double round_to_double(bool negative, uint128 significant, bool inexact, int exponent);

// Exact quotients, rounded once.
double mean_of(const exact_sum& sum, std::int64_t count);
double mean_of(int128 sum, std::int64_t count);
// The sample variance of `count` values (at least 2) of which the sum and the sum of squares are given.
double variance_of(const exact_sum& sum, const exact_sum& squares, std::int64_t count);

}  // namespace weir

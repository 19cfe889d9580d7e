#include "runtime/operators/aggregate/exact_sum.hpp"

#include <algorithm>
#include <boost/multiprecision/cpp_int.hpp>
#include <cmath>
#include <limits>

namespace weir {

namespace {

using boost::multiprecision::cpp_int;

constexpr std::int64_t digit_mask = 0xffffffff;

cpp_int to_cpp_int(const exact_magnitude& m) {
  cpp_int v;
  if (m.digits.empty()) return v;  // import_bits reads before the first limb of an empty range
  boost::multiprecision::import_bits(v, m.digits.rbegin(), m.digits.rend(), 32);
  return v;
}

// numerator * 2^exponent / denominator; numerator not negative, denominator positive.
double round_quotient(bool negative, cpp_int numerator, cpp_int denominator, int exponent) {
  if (numerator == 0) return 0;
  constexpr int bits = 66;
  const int shift = bits - static_cast<int>(msb(numerator)) + static_cast<int>(msb(denominator));
  if (shift > 0)
    numerator <<= static_cast<unsigned>(shift);
  else
    denominator <<= static_cast<unsigned>(-shift);
  cpp_int quotient, remainder;
  divide_qr(numerator, denominator, quotient, remainder);
  return round_to_double(negative, static_cast<uint128>(quotient), remainder != 0, exponent - shift);
}

// Carries from the least significant digit up; what is left goes in further digits. Returns true when the number is
// negative: then the digits are its two's complement.
bool carry_fully(std::vector<std::int64_t>& digits) {
  std::int64_t carried = 0;
  for (auto& d : digits) {
    d += carried;
    carried = d >> 32;
    d &= digit_mask;
  }
  for (; carried != 0 && carried != -1; carried >>= 32) digits.push_back(carried & digit_mask);
  return carried == -1;
}

}  // namespace

double round_to_double(bool negative, uint128 significant, bool inexact, int exponent) {
  if (significant == 0) return 0;
  const auto high = static_cast<std::uint64_t>(significant >> 64);
  const int top =
      high != 0 ? 127 - std::countl_zero(high) : 63 - std::countl_zero(static_cast<std::uint64_t>(significant));
  // Bits that do not fit: beyond 53, or below 2^-1074.
  const int dropped = std::max(top - 52, -1074 - exponent);
  double magnitude = 0;
  if (dropped <= 0) {
    magnitude = std::ldexp(static_cast<double>(static_cast<std::uint64_t>(significant)), exponent);
  } else if (dropped <= top + 1) {
    auto kept = static_cast<std::uint64_t>(dropped > 127 ? uint128{0} : significant >> dropped);
    const uint128 half = uint128{1} << (dropped - 1);
    const uint128 lost = significant & ((half << 1) - 1);
    if (lost > half || (lost == half && (inexact || (kept & 1) != 0))) ++kept;
    magnitude = std::ldexp(static_cast<double>(kept), exponent + dropped);
  }
  return negative && magnitude != 0 ? -magnitude : magnitude;
}

void exact_sum::add_rounded(double v, bool negate) {
  const double sum = rounded() + (negate ? -v : v);
  clear();
  const auto bits = std::bit_cast<std::uint64_t>(sum);
  const auto exponent = static_cast<int>(bits >> 52 & 0x7ff);
  if (exponent == 0x7ff) return add_special(sum, false);
  const auto mantissa = (bits & mantissa_mask) | (exponent == 0 ? 0 : mantissa_mask + 1);
  if (mantissa != 0) add_scaled(mantissa, (exponent == 0 ? 1 : exponent) - 1075, bits >> 63 != 0);
}

void exact_sum::add_special(double v, bool negate) {
  const std::int64_t n = negate ? -1 : 1;
  if (std::isnan(v))
    nans_ += n;
  else if (v > 0)
    positive_infinities_ += n;
  else
    negative_infinities_ += n;
}

void exact_sum::add_square(double v, bool negate) {
  if (!std::isfinite(v)) return add_special(std::fabs(v), negate);
  int exponent = 0;
  const auto mantissa = static_cast<std::uint64_t>(std::ldexp(std::frexp(std::fabs(v), &exponent), 53));
  if (mantissa == 0) return;
  const uint128 square = static_cast<uint128>(mantissa) * mantissa;
  const int weight = 2 * (exponent - 53);
  // A subnormal's square has trailing zeros below the first digit's weight: shift them out.
  const int below = std::max(0, -bias - weight);
  const uint128 kept = square >> below;
  add_scaled(static_cast<std::uint64_t>(kept), weight + below, negate);
  add_scaled(static_cast<std::uint64_t>(kept >> 64), weight + below + 64, negate);
}

void exact_sum::add_square(std::int64_t v, bool negate) {
  const uint128 square = static_cast<uint128>(magnitude_of(v)) * magnitude_of(v);
  add_scaled(static_cast<std::uint64_t>(square), 0, negate);
  add_scaled(static_cast<std::uint64_t>(square >> 64), 64, negate);
}

void exact_sum::cover(std::uint32_t first, std::uint32_t end) {
  if (digits_.empty()) {
    low_ = first;
    digits_.resize(end - first);
    return;
  }
  if (first < low_) {
    digits_.insert(digits_.begin(), low_ - first, 0);
    low_ = first;
  }
  if (end > low_ + digits_.size()) digits_.resize(end - low_);
}

void exact_sum::carry() {
  std::int64_t carried = 0;
  for (std::size_t i = 0; i + 1 < digits_.size(); ++i) {
    const std::int64_t d = digits_[i] + carried;
    carried = d >> 32;
    digits_[i] = d & digit_mask;
  }
  // The last digit keeps the sign; it moves up only when it has outgrown a digit.
  if (!digits_.empty()) {
    const std::int64_t d = digits_.back() + carried;
    if (d > digit_mask || d < -digit_mask) {
      digits_.back() = d & digit_mask;
      digits_.push_back(d >> 32);
    } else {
      digits_.back() = d;
    }
  }
  pending_ = 1;
}

void exact_sum::merge(const exact_sum& other) {
  nans_ += other.nans_;
  positive_infinities_ += other.positive_infinities_;
  negative_infinities_ += other.negative_infinities_;
  if (other.digits_.empty()) return;
  cover(other.low_, other.low_ + static_cast<std::uint32_t>(other.digits_.size()));
  if (pending_ + other.pending_ >= max_pending) carry();
  pending_ += other.pending_ + 1;
  for (std::size_t i = 0; i < other.digits_.size(); ++i) digits_[other.low_ - low_ + i] += other.digits_[i];
}

void exact_sum::clear() {
  digits_.clear();
  low_ = pending_ = 0;
  nans_ = positive_infinities_ = negative_infinities_ = 0;
}

double exact_sum::special_value() const {
  if (nans_ != 0 || (positive_infinities_ != 0 && negative_infinities_ != 0))
    return std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  return positive_infinities_ != 0 ? infinity : -infinity;
}

exact_magnitude exact_sum::magnitude() const {
  exact_magnitude out;
  auto digits = digits_;
  if (carry_fully(digits)) {
    out.negative = true;
    digits = digits_;
    for (auto& d : digits) d = -d;
    carry_fully(digits);
  }
  std::size_t first = 0;
  while (!digits.empty() && digits.back() == 0) digits.pop_back();
  while (first < digits.size() && digits[first] == 0) ++first;
  for (std::size_t i = first; i < digits.size(); ++i) out.digits.push_back(static_cast<std::uint32_t>(digits[i]));
  if (!out.digits.empty()) out.exponent = static_cast<int>(low_ + first) * 32 - bias;
  return out;
}

double exact_sum::rounded() const {
  if (special()) return special_value();
  const auto m = magnitude();
  // Three digits hold at least 65 bits; more only matter by being there.
  const std::size_t n = m.digits.size();
  const std::size_t used = std::min<std::size_t>(n, 3);
  uint128 significant = 0;
  for (std::size_t i = n; i > n - used; --i) significant = significant << 32 | m.digits[i - 1];
  return round_to_double(m.negative, significant, used < n, m.exponent + 32 * static_cast<int>(n - used));
}

void exact_sum::serialize(std::string& out) const {
  const auto m = magnitude();
  put_u8(out, static_cast<std::uint8_t>((m.negative ? 1 : 0) | (special() ? 2 : 0)));
  put_varint(out, m.digits.size());
  if (!m.digits.empty()) put_varint(out, static_cast<std::uint64_t>(m.exponent + bias) / 32);
  for (const auto d : m.digits) put_u32(out, d);
  if (!special()) return;
  for (const auto n : {nans_, positive_infinities_, negative_infinities_}) put_zigzag(out, n);
}

void exact_sum::merge_serialized(byte_reader& in) {
  const std::uint8_t flags = in.u8();
  const std::uint64_t count = in.varint();
  const std::uint64_t first = count == 0 ? 0 : in.varint();
  if (flags > 3 || count > max_digits || first > max_digits || first + count > max_digits) return in.reject();
  exact_sum read;
  read.low_ = static_cast<std::uint32_t>(first);
  read.pending_ = 1;
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto d = static_cast<std::int64_t>(in.u32());
    read.digits_.push_back((flags & 1) != 0 ? -d : d);
  }
  if ((flags & 2) != 0) {
    read.nans_ = in.zigzag();
    read.positive_infinities_ = in.zigzag();
    read.negative_infinities_ = in.zigzag();
    for (const auto n : {read.nans_, read.positive_infinities_, read.negative_infinities_})
      if (n > max_specials || n < -max_specials) return in.reject();
  }
  if (in.ok()) merge(read);
}

double mean_of(const exact_sum& sum, std::int64_t count) {
  if (sum.special()) return sum.special_value();
  const auto m = sum.magnitude();
  return round_quotient(m.negative, to_cpp_int(m), cpp_int(count), m.exponent);
}

double mean_of(int128 sum, std::int64_t count) {
  const bool negative = sum < 0;
  const uint128 magnitude = negative ? ~static_cast<uint128>(sum) + 1 : static_cast<uint128>(sum);
  return round_quotient(negative, cpp_int(magnitude), cpp_int(count), 0);
}

double variance_of(const exact_sum& sum, const exact_sum& squares, std::int64_t count) {
  if (sum.special()) return std::numeric_limits<double>::quiet_NaN();
  const auto s = sum.magnitude();
  const auto q = squares.magnitude();
  if (q.digits.empty()) return 0;
  // n * squares - sum^2, both brought to the smaller of the two exponents.
  cpp_int minuend = to_cpp_int(q) * count;
  cpp_int subtrahend = to_cpp_int(s);
  subtrahend *= subtrahend;
  const int square_exponent = 2 * s.exponent;
  const int exponent = s.digits.empty() ? q.exponent : std::min(q.exponent, square_exponent);
  minuend <<= static_cast<unsigned>(q.exponent - exponent);
  if (!s.digits.empty()) subtrahend <<= static_cast<unsigned>(square_exponent - exponent);
  cpp_int numerator = minuend - subtrahend;
  if (numerator <= 0) return 0;
  return round_quotient(false, std::move(numerator), cpp_int(count) * (count - 1), exponent);
}

}  // namespace weir

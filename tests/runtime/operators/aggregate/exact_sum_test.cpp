#include "runtime/operators/aggregate/exact_sum.hpp"

#include <algorithm>
#include <bit>
#include <boost/multiprecision/cpp_int.hpp>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <random>

using namespace weir;
using boost::multiprecision::cpp_int;
using boost::multiprecision::cpp_rational;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr int shift = 1074;  // every finite double is a whole multiple of 2^-1074

bool same(double a, double b) {
  return std::isnan(a) ? std::isnan(b) : std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

// v * 2^1074, by another way than the implementation's: frexp and a shift.
cpp_int scaled(double v) {
  int exponent = 0;
  const double fraction = std::frexp(v, &exponent);
  const auto mantissa = static_cast<std::int64_t>(std::ldexp(fraction, 53));
  const int up = exponent - 53 + shift;
  cpp_int out = mantissa < 0 ? cpp_int(-mantissa) : cpp_int(mantissa);
  if (up >= 0)
    out <<= static_cast<unsigned>(up);
  else
    out >>= static_cast<unsigned>(-up);
  return mantissa < 0 ? -out : out;
}

// The double nearest to numerator / denominator * 2^-scale, found by searching over the bits of doubles: no rounding
// code in it.
double nearest(cpp_int numerator, const cpp_int& denominator, int scale) {
  if (numerator == 0) return 0;
  const bool negative = numerator < 0;
  if (negative) numerator = -numerator;
  const auto exact_at = [&](std::uint64_t bits) -> cpp_int {  // doubled, times denominator and 2^scale
    cpp_int v =
        bits == std::bit_cast<std::uint64_t>(inf) ? cpp_int(1) << (1024 + shift) : scaled(std::bit_cast<double>(bits));
    v *= denominator;
    return (v << 1) << static_cast<unsigned>(scale - shift);
  };
  const cpp_int target = numerator << 1;
  std::uint64_t low = 0, high = std::bit_cast<std::uint64_t>(inf);
  while (high - low > 1) {
    const std::uint64_t middle = low + (high - low) / 2;
    (exact_at(middle) <= target ? low : high) = middle;
  }
  const cpp_int below = target - exact_at(low), above = exact_at(high) - target;
  const bool up = above < below || (above == below && (low & 1) != 0);
  const double v = std::bit_cast<double>(up ? high : low);
  return negative && v != 0 ? -v : v;
}

std::vector<double> nasty(std::mt19937_64& random, std::size_t count) {
  std::vector<double> out;
  const int kind = static_cast<int>(random() % 4);
  while (out.size() < count) {
    std::uint64_t bits = random();
    if (kind == 1) bits = (bits & 0x800fffffffffffffu) | (1000 + random() % 60) << 52;  // near 1
    if (kind == 2) bits = (bits & 0x800fffffffffffffu) | (random() % 3) << 52;          // near the smallest
    if (kind == 3) bits = (bits & 0x800fffffffffffffu) | (2044 + random() % 3) << 52;   // near the largest
    const double v = std::bit_cast<double>(bits);
    if (!std::isfinite(v)) continue;
    out.push_back(v);
    if (random() % 3 == 0) out.push_back(-v);
    if (random() % 5 == 0) out.push_back(std::nextafter(-v, 0.0));
  }
  return out;
}

exact_sum sum_of(const std::vector<double>& values) {
  exact_sum s;
  for (const double v : values) s.add(v);
  return s;
}

std::string bytes_of(const exact_sum& s) {
  std::string out;
  s.serialize(out);
  return out;
}

}  // namespace

TEST_CASE("a sum is rounded once, whatever was in between") {
  CHECK(sum_of({1e308, 1e308, -1e308}).rounded() == 1e308);
  CHECK(sum_of({1e308, 1e308}).rounded() == inf);
  CHECK(sum_of({-1e308, -1e308}).rounded() == -inf);
  CHECK(sum_of({1e100, 1.0, -1e100}).rounded() == 1.0);
  CHECK(sum_of({5e-324, 5e-324}).rounded() == 1e-323);
  CHECK(sum_of({1.0, 0x1p-53}).rounded() == 1.0);
  CHECK(sum_of({1.0, 0x1p-53, 5e-324}).rounded() == 1.0 + 0x1p-52);
  CHECK(sum_of({0x1.fffffffffffffp1023, 0x1p969}).rounded() == 0x1.fffffffffffffp1023);
  CHECK(sum_of({0x1.fffffffffffffp1023, 0x1p970}).rounded() == inf);
}

TEST_CASE("a sum of zeros is 0.0") {
  CHECK(same(sum_of({-0.0, -0.0}).rounded(), 0.0));
  CHECK(same(sum_of({-1.0, 1.0}).rounded(), 0.0));
  CHECK(same(sum_of({}).rounded(), 0.0));
}

TEST_CASE("NaN and infinities are counted apart and can be taken back") {
  auto s = sum_of({1.0, inf});
  CHECK(s.rounded() == inf);
  s.add(-inf);
  CHECK(std::isnan(s.rounded()));
  s.add(inf, true);
  CHECK(s.rounded() == -inf);
  s.add(std::nan(""));
  CHECK(std::isnan(s.rounded()));
  s.add(std::nan(""), true);
  s.add(-inf, true);
  CHECK(s.rounded() == 1.0);
  CHECK(bytes_of(s) == bytes_of(sum_of({1.0})));
}

TEST_CASE("sums of any finite doubles equal whole-number arithmetic, in any order, cut anywhere") {
  std::mt19937_64 random(1);
  for (int round = 0; round < 400; ++round) {
    auto values = nasty(random, 1 + random() % 60);
    cpp_int reference = 0;
    for (const double v : values) reference += scaled(v);
    const double expected = nearest(reference, 1, shift);
    const auto straight = sum_of(values);
    REQUIRE(same(straight.rounded(), expected));
    std::shuffle(values.begin(), values.end(), random);
    exact_sum merged;
    for (std::size_t i = 0; i < values.size();) {
      exact_sum part;
      for (std::size_t n = 1 + random() % 7; n > 0 && i < values.size(); --n) part.add(values[i++]);
      if (random() % 2 == 0) {
        merged.merge(part);
      } else {
        const auto bytes = bytes_of(part);
        byte_reader in(bytes);
        merged.merge_serialized(in);
        REQUIRE((in.ok() && in.at_end()));
      }
    }
    REQUIRE(bytes_of(merged) == bytes_of(straight));
    REQUIRE(same(merged.rounded(), expected));
    for (const double v : values) merged.add(v, true);
    REQUIRE(bytes_of(merged) == bytes_of(exact_sum{}));
  }
}

TEST_CASE("means and variances are exact quotients, rounded once") {
  std::mt19937_64 random(2);
  for (int round = 0; round < 200; ++round) {
    const auto values = nasty(random, 2 + random() % 20);
    const auto n = static_cast<std::int64_t>(values.size());
    cpp_int sum = 0, squares = 0;
    exact_sum s, q;
    for (const double v : values) {
      const cpp_int x = scaled(v);
      sum += x;
      squares += x * x;
      s.add(v);
      q.add_square(v);
    }
    REQUIRE(same(mean_of(s, n), nearest(sum, n, shift)));
    REQUIRE(same(variance_of(s, q, n), nearest(squares * n - sum * sum, cpp_int(n) * (n - 1), 2 * shift)));
  }
}

TEST_CASE("a sum of nothing left over has a mean of 0.0 and the variance of its squares") {
  exact_sum s, q;
  for (const double v : {-1.5, 1.5, -2.0, 2.0}) {
    s.add(v);
    q.add_square(v);
  }
  CHECK(same(mean_of(s, 4), 0.0));
  CHECK(same(variance_of(s, q, 4), 12.5 / 3));
  CHECK(same(mean_of(exact_sum{}, 3), 0.0));
}

TEST_CASE("whole numbers have exact means and variances") {
  const std::int64_t largest = std::numeric_limits<std::int64_t>::max(),
                     smallest = std::numeric_limits<std::int64_t>::min();
  exact_sum s, q;
  for (const auto v : {largest, smallest, std::int64_t{5}}) {
    s.add(v);
    q.add_square(v);
  }
  const cpp_int sum = 4, squares = cpp_int(largest) * largest + cpp_int(smallest) * smallest + 25;
  CHECK(same(variance_of(s, q, 3), nearest((squares * 3 - sum * sum) << (2 * shift), 6, 2 * shift)));
  CHECK(mean_of(static_cast<int128>(largest) * 3, 3) == 0x1p63);
  CHECK(mean_of(static_cast<int128>(-7), 2) == -3.5);
  CHECK(variance_of(s, q, 3) > 0);
}

TEST_CASE("carries keep billions of terms exact") {
  exact_sum s;
  for (int i = 0; i < 62; ++i) {
    exact_sum twice = s;
    s.merge(twice);
    s.add(-1.0);
  }
  CHECK(s.rounded() == -(0x1p62 - 1));
}

TEST_CASE("bytes that are no sum are refused") {
  std::mt19937_64 random(3);
  const auto good = bytes_of(sum_of({1e300, -3.5, inf}));
  for (std::size_t n = 0; n < good.size(); ++n) {
    exact_sum s;
    byte_reader in(std::string_view(good).substr(0, n));
    s.merge_serialized(in);
    CHECK_FALSE(in.ok());
    CHECK(bytes_of(s) == bytes_of(exact_sum{}));
  }
  for (int round = 0; round < 20'000; ++round) {
    auto bytes = good;
    bytes[random() % bytes.size()] = static_cast<char>(random());
    exact_sum s;
    byte_reader in(bytes);
    s.merge_serialized(in);
    static_cast<void>(s.rounded());
  }
}

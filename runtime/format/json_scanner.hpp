// A strict JSON reader over one record: one pass, nothing allocated, nothing read beyond the text.
//
// Why not simdjson's on-demand parser: what it skips it does not validate, without NDEBUG it aborts when it is read on
// after an error, and casts have no padding behind their text. This scanner validates all it passes, needs no padding,
// and on records of an instrument's size (100 bytes) takes as long as on-demand takes for finding the fields alone.
// UTF-8 is not its business: callers check whole batches with is_valid_utf8(), which is simdjson's.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "runtime/result.hpp"

namespace weir {

inline constexpr int max_json_depth = 128;  // objects and arrays within each other

namespace scan {

static_assert(std::endian::native == std::endian::little, "the first byte of a word is its lowest");

constexpr std::uint64_t each_byte(std::uint8_t b) { return 0x0101010101010101ULL * b; }

// 0x80 in the bytes below `bound` (at most 0x80), and perhaps in bytes above a byte that is; the lowest one is exact.
constexpr std::uint64_t bytes_below(std::uint64_t w, std::uint8_t bound) {
  return (w - each_byte(bound)) & ~w & each_byte(0x80);
}
constexpr std::uint64_t bytes_equal(std::uint64_t w, char c) {
  return bytes_below(w ^ each_byte(static_cast<std::uint8_t>(c)), 1);
}

inline std::uint64_t load_word(const char* p) {
  std::uint64_t w = 0;
  std::memcpy(&w, p, sizeof w);
  return w;
}

inline int first_byte(std::uint64_t marks) { return std::countr_zero(marks) / 8; }

// How many of a word's first bytes are digits.
constexpr int leading_digits(std::uint64_t w) {
  const std::uint64_t t = w ^ each_byte('0');
  const std::uint64_t other = ((t + each_byte(6)) | t) & each_byte(0xf0);
  return other == 0 ? 8 : std::countr_zero(other) / 8;
}

// The number that a word's first `count` bytes (1 to 8, all digits) spell.
constexpr std::uint64_t digits_value(std::uint64_t w, int count) {
  w = (w ^ each_byte('0')) << (64 - 8 * count);
  w = (w * 10 + (w >> 8)) & 0x00ff00ff00ff00ffULL;
  w = (w * 100 + (w >> 16)) & 0x0000ffff0000ffffULL;
  return (w * 10'000 + (w >> 32)) & 0xffffffffULL;
}

}  // namespace scan

class json_scanner {
 public:
  struct string_token {
    std::string_view raw;  // without the quotes, escapes as written
    bool escaped = false;  // holds a backslash: unescape_json() gives the text
  };
  struct number_token {
    std::string_view raw;
    bool integer = false;  // neither a point nor an exponent
    // Without an exponent and with at most max_short_digits digits: the number is digits / 10^places, negated or not.
    bool short_decimal = false, negative = false;
    std::uint64_t digits = 0;
    std::ptrdiff_t places = 0;
  };
  static constexpr std::ptrdiff_t max_short_digits = 15;  // below 2^53: exact as a double

  explicit json_scanner(std::string_view text)
      : begin_(text.data()), at_(text.data()), end_(text.data() + text.size()) {}

  // Every function leaves the scanner behind what it read; on false problem() says what is wrong and where.
  bool string(string_token& out) {  // from the opening quote
    // Most strings are short and have no escapes.
    if (end_ - at_ > 8 && *at_ == '"') {
      const auto w = scan::load_word(at_ + 1);
      const auto marks = scan::bytes_equal(w, '"') | scan::bytes_equal(w, '\\') | scan::bytes_below(w, 0x20);
      if (const int n = scan::first_byte(marks); marks != 0 && at_[1 + n] == '"') {
        out = {{at_ + 1, static_cast<std::size_t>(n)}, false};
        at_ += n + 2;
        return true;
      }
    }
    return any_string(out);
  }
  bool number(number_token& out);
  bool word(std::string_view expected);  // true, false, null
  bool value(int depth);                 // any value; depth: how many containers are open around it

  // Steps over a value of an object that was validated before: a number's form is not looked at again.
  bool pass_value() {
    const char c = peek();
    if (c != '-' && (c < '0' || c > '9')) return value(1);
    for (; end_ - at_ >= 8; at_ += 8) {
      const auto w = scan::load_word(at_);
      const auto marks = scan::bytes_equal(w, ',') | scan::bytes_equal(w, '}') | scan::bytes_below(w, 0x21);
      if (marks == 0) continue;
      at_ += scan::first_byte(marks);
      return true;
    }
    while (at_ < end_ && *at_ != ',' && *at_ != '}' && *at_ > ' ') ++at_;
    return true;
  }

  void skip_blanks() {
    while (at_ < end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }
  bool take(char c) {
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }
  bool take(std::string_view expected) {
    if (static_cast<std::size_t>(end_ - at_) < expected.size() || !same_bytes(at_, expected.data(), expected.size()))
      return false;
    at_ += expected.size();
    return true;
  }
  // The next byte; 0 at the end (a NUL byte is no JSON, so they need not be told apart).
  char peek() const { return at_ == end_ ? '\0' : *at_; }
  bool at_end() const { return at_ == end_; }
  const char* position() const { return at_; }
  // Records that something else than `expected` stands here; returns false.
  bool expected(const char* what);
  std::string problem() const;

 private:
  template <class T>
  static bool same_word(const char* a, const char* b) {
    T x, y;
    std::memcpy(&x, a, sizeof x);
    std::memcpy(&y, b, sizeof y);
    return x == y;
  }
  // Field names are short: words that overlap at the end compare them without a call.
  static bool same_bytes(const char* a, const char* b, std::size_t n) {
    if (n < 4) return n == 0 || std::memcmp(a, b, n) == 0;
    if (n < 8) return same_word<std::uint32_t>(a, b) && same_word<std::uint32_t>(a + n - 4, b + n - 4);
    for (std::size_t i = 0; i + 8 < n; i += 8)
      if (!same_word<std::uint64_t>(a + i, b + i)) return false;
    return same_word<std::uint64_t>(a + n - 8, b + n - 8);
  }
  bool any_string(string_token& out);
  void skip_digits();
  std::ptrdiff_t take_digits(std::uint64_t& value);
  bool exponent();
  bool skip_number();
  bool object(int depth);
  bool array(int depth);
  bool escape();
  bool hex4(unsigned& out);

  const char* begin_;
  const char* at_;
  const char* end_;
  const char* expected_ = "";
};

// The text that a string token stands for, appended to `out`. The token must come from json_scanner::string().
void unescape_json(std::string_view raw, std::string& out);

// parse_error unless the text is one JSON value (UTF-8, nothing behind it but blanks).
status check_json(std::string_view text);

}  // namespace weir

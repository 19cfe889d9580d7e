#include "runtime/format/json_scanner.hpp"

#include <cstdint>
#include <cstring>

#include "runtime/format/text_value.hpp"

namespace weir {
namespace {

constexpr std::uint64_t whole_powers[] = {1, 10, 100, 1'000, 10'000, 100'000, 1'000'000, 10'000'000, 100'000'000};

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

unsigned read_hex4(const char* p) {
  unsigned v = 0;
  for (int i = 0; i < 4; ++i) v = v * 16 + static_cast<unsigned>(hex_value(p[i]));
  return v;
}

constexpr bool is_high_surrogate(unsigned u) { return u >= 0xd800 && u <= 0xdbff; }
constexpr bool is_low_surrogate(unsigned u) { return u >= 0xdc00 && u <= 0xdfff; }

void append_utf8(std::string& out, unsigned code) {
  const auto byte = [&out](unsigned b) { out += static_cast<char>(b); };
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xc0 | code >> 6);
    byte(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    byte(0xe0 | code >> 12);
    byte(0x80 | (code >> 6 & 0x3f));
    byte(0x80 | (code & 0x3f));
  } else {
    byte(0xf0 | code >> 18);
    byte(0x80 | (code >> 12 & 0x3f));
    byte(0x80 | (code >> 6 & 0x3f));
    byte(0x80 | (code & 0x3f));
  }
}

char unescaped(char c) {
  switch (c) {
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return c;  // quote, backslash, slash
  }
}

}  // namespace

bool json_scanner::expected(const char* what) {
  expected_ = what;
  return false;
}

std::string json_scanner::problem() const {
  const auto where = at_ - begin_ + 1;
  if (at_ == end_) return fmt::format("expected {}, found the record's end at byte {}", expected_, where);
  return fmt::format("expected {}, found {} at byte {}", expected_,
                     quoted_excerpt({at_, static_cast<std::size_t>(std::min<std::ptrdiff_t>(end_ - at_, 16))}), where);
}

bool json_scanner::any_string(string_token& out) {
  if (!take('"')) return expected("a string");
  const char* const first = at_;
  bool escaped = false;
  for (;;) {
    while (end_ - at_ >= 8) {
      const auto w = scan::load_word(at_);
      const auto marks = scan::bytes_equal(w, '"') | scan::bytes_equal(w, '\\') | scan::bytes_below(w, 0x20);
      if (marks != 0) {
        at_ += scan::first_byte(marks);
        break;
      }
      at_ += 8;
    }
    while (at_ < end_ && *at_ != '"' && *at_ != '\\' && static_cast<unsigned char>(*at_) >= 0x20) ++at_;
    if (peek() == '"') break;
    if (peek() != '\\') return expected("the string's closing quote");
    escaped = true;
    if (!escape()) return false;
  }
  out = {{first, static_cast<std::size_t>(at_ - first)}, escaped};
  ++at_;
  return true;
}

bool json_scanner::hex4(unsigned& out) {
  if (end_ - at_ < 4) return expected("four hex digits");
  for (int i = 0; i < 4; ++i)
    if (hex_value(at_[i]) < 0) return expected("four hex digits");
  out = read_hex4(at_);
  at_ += 4;
  return true;
}

bool json_scanner::escape() {
  ++at_;
  switch (peek()) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't': ++at_; return true;
    case 'u': break;
    default: return expected("an escape sequence of JSON");
  }
  ++at_;
  unsigned code = 0;
  if (!hex4(code)) return false;
  if (is_low_surrogate(code)) return expected("a surrogate pair before a low surrogate");
  if (!is_high_surrogate(code)) return true;
  unsigned low = 0;
  if (!take("\\u") || !hex4(low) || !is_low_surrogate(low)) return expected("a low surrogate behind a high one");
  return true;
}

void json_scanner::skip_digits() {
  const char* p = at_;
  while (p != end_ && is_digit(*p)) ++p;
  at_ = p;
}

// Takes digits and appends them to `value`, which wraps around when they are too many. Answers how many.
std::ptrdiff_t json_scanner::take_digits(std::uint64_t& value) {
  const char* const first = at_;
  std::uint64_t v = value;
  while (end_ - at_ >= 8) {
    const auto w = scan::load_word(at_);
    const int count = scan::leading_digits(w);
    if (count > 0) v = v * whole_powers[count] + scan::digits_value(w, count);
    at_ += count;
    if (count < 8) {
      value = v;
      return at_ - first;
    }
  }
  for (; at_ != end_ && is_digit(*at_); ++at_) v = v * 10 + static_cast<std::uint64_t>(*at_ - '0');
  value = v;
  return at_ - first;
}

bool json_scanner::number(number_token& out) {
  const char* const first = at_;
  out.negative = take('-');
  out.digits = 0;
  out.places = 0;
  if (!is_digit(peek())) return expected("a value");
  std::ptrdiff_t count = take('0') ? 1 : take_digits(out.digits);
  out.integer = !take('.');
  if (!out.integer) {
    if (!is_digit(peek())) return expected("a digit behind the decimal point");
    out.places = take_digits(out.digits);
    count += out.places;
  }
  const char* const end = at_;
  if (!exponent()) return false;
  if (at_ != end) out.integer = false;
  out.short_decimal = at_ == end && count <= max_short_digits;
  out.raw = {first, static_cast<std::size_t>(at_ - first)};
  return true;
}

bool json_scanner::exponent() {
  if (peek() != 'e' && peek() != 'E') return true;
  ++at_;
  if (!take('+')) take('-');
  if (!is_digit(peek())) return expected("a digit in the exponent");
  skip_digits();
  return true;
}

bool json_scanner::skip_number() {
  take('-');
  if (!is_digit(peek())) return expected("a value");
  if (!take('0')) skip_digits();
  if (take('.')) {
    if (!is_digit(peek())) return expected("a digit behind the decimal point");
    skip_digits();
  }
  return exponent();
}

bool json_scanner::word(std::string_view expected_word) { return take(expected_word) || expected("a value"); }

bool json_scanner::value(int depth) {
  switch (peek()) {
    case '"': {
      string_token ignored;
      return string(ignored);
    }
    case '{': return object(depth + 1);
    case '[': return array(depth + 1);
    case 't': return word("true");
    case 'f': return word("false");
    case 'n': return word("null");
    default: return skip_number();
  }
}

bool json_scanner::object(int depth) {
  if (depth > max_json_depth) return expected("at most 128 objects and arrays within each other");
  ++at_;
  skip_blanks();
  if (take('}')) return true;
  for (;;) {
    string_token key;
    if (peek() != '"') return expected("a field's name");
    if (!string(key)) return false;
    skip_blanks();
    if (!take(':')) return expected("':' behind a field's name");
    skip_blanks();
    if (!value(depth)) return false;
    skip_blanks();
    if (take('}')) return true;
    if (!take(',')) return expected("',' or '}' behind a field's value");
    skip_blanks();
  }
}

bool json_scanner::array(int depth) {
  if (depth > max_json_depth) return expected("at most 128 objects and arrays within each other");
  ++at_;
  skip_blanks();
  if (take(']')) return true;
  for (;;) {
    if (!value(depth)) return false;
    skip_blanks();
    if (take(']')) return true;
    if (!take(',')) return expected("',' or ']' behind an array's value");
    skip_blanks();
  }
}

void unescape_json(std::string_view raw, std::string& out) {
  while (!raw.empty()) {
    const std::size_t backslash = raw.find('\\');
    if (backslash == std::string_view::npos) break;
    out.append(raw.substr(0, backslash));
    const char kind = raw[backslash + 1];
    raw.remove_prefix(backslash + 2);
    if (kind != 'u') {
      out += unescaped(kind);
      continue;
    }
    unsigned code = read_hex4(raw.data());
    raw.remove_prefix(4);
    if (is_high_surrogate(code)) {
      code = 0x10000 + ((code - 0xd800) << 10) + (read_hex4(raw.data() + 2) - 0xdc00);
      raw.remove_prefix(6);
    }
    append_utf8(out, code);
  }
  out.append(raw);
}

status check_json(std::string_view text) {
  if (!is_valid_utf8(text)) return fail(errc::parse_error, "expected JSON in UTF-8, found {}", quoted_excerpt(text));
  json_scanner scanner(text);
  scanner.skip_blanks();
  bool valid = scanner.value(0);
  if (valid) {
    scanner.skip_blanks();
    valid = scanner.at_end() || scanner.expected("nothing behind the JSON value");
  }
  if (!valid) return fail(errc::parse_error, "no valid JSON: {}", scanner.problem());
  return {};
}

}  // namespace weir

#include "runtime/format/text_value.hpp"

#include <fast_float/fast_float.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "runtime/format/json_scanner.hpp"
#include "runtime/time/timestamp.hpp"

namespace weir {
namespace {

constexpr bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool equals_ignoring_case(std::string_view text, std::string_view lower_word) {
  return std::equal(text.begin(), text.end(), lower_word.begin(), lower_word.end(),
                    [](char a, char b) { return lower(a) == b; });
}

tl::unexpected<error> unreadable(std::string_view expected, std::string_view text) {
  return fail(errc::parse_error, "expected {}, found {}", expected, quoted_excerpt(text));
}

result<bool> parse_boolean(std::string_view text) {
  constexpr std::array<std::string_view, 5> yes{"true", "t", "yes", "on", "1"};
  constexpr std::array<std::string_view, 5> no{"false", "f", "no", "off", "0"};
  const std::string_view word = trimmed(text);
  const auto is_word = [word](std::string_view w) { return equals_ignoring_case(word, w); };
  if (std::any_of(yes.begin(), yes.end(), is_word)) return true;
  if (std::any_of(no.begin(), no.end(), is_word)) return false;
  return unreadable("a boolean (true or false)", text);
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char l = lower(c);
  return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

std::int64_t unit_us(timestamp_numbers numbers) {
  switch (numbers) {
    case timestamp_numbers::seconds: return us_per_s;
    case timestamp_numbers::milliseconds: return us_per_ms;
    case timestamp_numbers::microseconds: return 1;
    case timestamp_numbers::refused: break;
  }
  return 0;
}

tl::unexpected<error> numbers_refused() {
  return with_hint(fail(errc::parse_error, "expected an ISO timestamp text, found a number"),
                   "set timestamps = 's', 'ms' or 'us' in the format's options");
}

result<std::int64_t> parse_timestamp_value(std::string_view text, timestamp_numbers numbers) {
  const std::string_view word = trimmed(text);
  auto parsed = parse_timestamp(word);
  if (parsed || numbers == timestamp_numbers::refused) return parsed;
  if (const auto whole = parse_bigint(word)) return timestamp_from_number(*whole, numbers);
  if (const auto number = parse_double(word)) return timestamp_from_number(*number, numbers);
  return unreadable("a timestamp (a number or ISO text)", text);
}

template <class T, class Push>
status push_parsed(result<T> parsed, Push push) {
  if (!parsed) return fail(std::move(parsed).error());
  push(*parsed);
  return {};
}

}  // namespace

std::optional<timestamp_numbers> find_timestamp_numbers(std::string_view option) {
  if (option == "iso") return timestamp_numbers::refused;
  if (option == "s") return timestamp_numbers::seconds;
  if (option == "ms") return timestamp_numbers::milliseconds;
  if (option == "us") return timestamp_numbers::microseconds;
  return std::nullopt;
}

status push_text_value(column& out, std::string_view text, timestamp_numbers numbers) {
  const auto push_int = [&out](std::int64_t v) { out.push_int(v); };
  switch (out.type()) {
    case data_type::boolean: return push_parsed(parse_boolean(text), push_int);
    case data_type::bigint: return push_parsed(parse_bigint(text), push_int);
    case data_type::double_precision: return push_parsed(parse_double(text), [&out](double v) { out.push_double(v); });
    case data_type::timestamptz: return push_parsed(parse_timestamp_value(text, numbers), push_int);
    case data_type::interval: return push_parsed(parse_interval(trimmed(text)), push_int);
    case data_type::bytea:
      return push_parsed(parse_bytea(text), [&out](const std::string& bytes) { out.push_text(bytes); });
    case data_type::json: WEIR_TRY_VOID(check_json(text)); break;
    case data_type::text:
      if (!is_valid_utf8(text)) return unreadable("text in UTF-8", text);
      break;
  }
  out.push_text(text);
  return {};
}

result<double> parse_double(std::string_view text) {
  std::string_view number = trimmed(text);
  if (number.starts_with('+') && !number.substr(1).starts_with('-')) number.remove_prefix(1);
  double value = 0;
  const char* const end = number.data() + number.size();
  const auto [stop, ec] = fast_float::from_chars(number.data(), end, value);
  if (ec != std::errc() || stop != end || number.empty()) return unreadable("a number (double precision)", text);
  if (std::isinf(value) && lower(number.back()) != 'y' && lower(number.back()) != 'f')
    return unreadable("a number within the range of double precision", text);
  // The sign of NaN differs between platforms; one NaN is enough.
  if (std::isnan(value))
    return number.back() == ')' ? unreadable("a number (double precision)", text)
                                : result<double>(std::numeric_limits<double>::quiet_NaN());
  return value;
}

result<std::int64_t> parse_bigint(std::string_view text) {
  std::string_view number = trimmed(text);
  if (number.starts_with('+') && !number.substr(1).starts_with('-')) number.remove_prefix(1);
  std::int64_t value = 0;
  const char* const end = number.data() + number.size();
  const auto [stop, ec] = std::from_chars(number.data(), end, value);
  if (ec == std::errc::result_out_of_range) return unreadable("an integer of 64 bits (bigint)", text);
  if (ec != std::errc() || stop != end) return unreadable("an integer (bigint)", text);
  return value;
}

result<std::string> parse_bytea(std::string_view text) {
  std::string_view digits = trimmed(text);
  constexpr std::string_view expected = "bytes (\\x and pairs of hex digits)";
  if (!digits.starts_with("\\x") || digits.size() % 2 != 0) return unreadable(expected, text);
  digits.remove_prefix(2);
  std::string bytes;
  bytes.reserve(digits.size() / 2);
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    const int high = hex_digit(digits[i]);
    const int low = hex_digit(digits[i + 1]);
    if (high < 0 || low < 0) return unreadable(expected, text);
    bytes.push_back(static_cast<char>(high * 16 + low));
  }
  return bytes;
}

result<std::int64_t> timestamp_from_number(std::int64_t value, timestamp_numbers numbers) {
  if (numbers == timestamp_numbers::refused) return numbers_refused();
  std::int64_t us = 0;
  if (__builtin_mul_overflow(value, unit_us(numbers), &us) || us < timestamp_min_us || us > timestamp_max_us)
    return fail(errc::parse_error, "expected a timestamp within the years 1 to 9999, found {}", value);
  return us;
}

result<std::int64_t> timestamp_from_number(double value, timestamp_numbers numbers) {
  if (numbers == timestamp_numbers::refused) return numbers_refused();
  const double us = value * static_cast<double>(unit_us(numbers));
  // Also refuses NaN.
  if (!(us >= static_cast<double>(timestamp_min_us) && us < static_cast<double>(timestamp_max_us)))
    return fail(errc::parse_error, "expected a timestamp within the years 1 to 9999, found {}", value);
  return std::llround(us);
}

bool is_valid_utf8(std::string_view bytes) { return simdjson::validate_utf8(bytes.data(), bytes.size()); }

}  // namespace weir

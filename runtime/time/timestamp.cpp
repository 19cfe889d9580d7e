#include "runtime/time/timestamp.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <optional>

#include "runtime/excerpt.hpp"

namespace weir {
namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Howard Hinnant's days_from_civil: days since 1970-01-01 in the proleptic Gregorian calendar.
constexpr std::int64_t days_from_civil(int y, int m, int d) {
  y -= m <= 2;
  const int era = (y >= 0 ? y : y - 399) / 400;
  const unsigned yoe = static_cast<unsigned>(y - era * 400);
  const unsigned doy = (153U * static_cast<unsigned>(m > 2 ? m - 3 : m + 9) + 2) / 5 + static_cast<unsigned>(d) - 1;
  const unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
  return static_cast<std::int64_t>(era) * 146'097 + static_cast<std::int64_t>(doe) - 719'468;
}

constexpr bool is_leap(int y) { return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0; }

constexpr int days_in_month(int y, int m) {
  constexpr std::array<int, 12> days{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return m == 2 && is_leap(y) ? 29 : days[static_cast<std::size_t>(m - 1)];
}

// Reads text from the front; every take returns false and stays in place when the text does not begin so.
struct cursor {
  std::string_view rest;

  bool take(char c) {
    if (rest.empty() || rest.front() != c) return false;
    rest.remove_prefix(1);
    return true;
  }
  // Exactly `digits` digits.
  bool take_number(std::size_t digits, int& out) {
    if (rest.size() < digits) return false;
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      if (!is_digit(rest[i])) return false;
      value = value * 10 + (rest[i] - '0');
    }
    rest.remove_prefix(digits);
    out = value;
    return true;
  }
};

// The digits behind a decimal point as microseconds: rounded half up at the sixth, at most 12 digits.
bool take_fraction(cursor& c, int& microseconds) {
  std::size_t digits = 0;
  int value = 0;
  bool round_up = false;
  while (digits < c.rest.size() && is_digit(c.rest[digits])) {
    if (digits < 6)
      value = value * 10 + (c.rest[digits] - '0');
    else if (digits == 6)
      round_up = c.rest[digits] >= '5';
    ++digits;
  }
  if (digits == 0 || digits > 12) return false;
  for (std::size_t i = digits; i < 6; ++i) value *= 10;
  c.rest.remove_prefix(digits);
  microseconds = value + (round_up ? 1 : 0);
  return true;
}

bool take_time(cursor& c, civil_time& t) {
  if (!c.take_number(2, t.hour) || !c.take(':') || !c.take_number(2, t.minute)) return false;
  if (c.take(':')) {
    if (!c.take_number(2, t.second)) return false;
    if (c.take('.') && !take_fraction(c, t.microsecond)) return false;
  }
  return t.hour <= 23 && t.minute <= 59 && t.second <= 59;
}

// Z, +02, +0200, +02:00; nothing means UTC.
bool take_zone(cursor& c, std::int64_t& offset_us) {
  offset_us = 0;
  if (c.rest.empty() || c.take('Z') || c.take('z')) return true;
  const bool east = c.rest.front() == '+';
  if (!c.take('+') && !c.take('-')) return false;
  int hours = 0;
  int minutes = 0;
  if (!c.take_number(2, hours)) return false;
  if (!c.rest.empty()) {
    c.take(':');
    if (!c.take_number(2, minutes)) return false;
  }
  if (hours > 15 || minutes > 59) return false;
  offset_us = (hours * 60 + minutes) * 60 * us_per_s * (east ? 1 : -1);
  return true;
}

tl::unexpected<error> no_timestamp(std::string_view text) {
  return with_hint(fail(errc::parse_error, "{} is no timestamp", quoted_excerpt(text)),
                   "write it as 2020-01-01T10:00:00Z (years 0001 to 9999)");
}

void append_padded(std::string& out, std::int64_t value, std::size_t width) {
  std::array<char, 20> digits;
  auto at = digits.size();
  do {
    digits[--at] = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value != 0);
  while (digits.size() - at < width) digits[--at] = '0';
  out.append(digits.data() + at, digits.size() - at);
}

struct unit {
  std::string_view name;
  std::int64_t us;  // 0: no fixed length
};

constexpr std::int64_t us_per_minute = 60 * us_per_s;
constexpr std::int64_t us_per_hour = 60 * us_per_minute;

constexpr std::array units{
    unit{"us", 1},
    unit{"usec", 1},
    unit{"microsecond", 1},
    unit{"ms", us_per_ms},
    unit{"msec", us_per_ms},
    unit{"millisecond", us_per_ms},
    unit{"s", us_per_s},
    unit{"sec", us_per_s},
    unit{"second", us_per_s},
    unit{"m", us_per_minute},
    unit{"min", us_per_minute},
    unit{"minute", us_per_minute},
    unit{"h", us_per_hour},
    unit{"hr", us_per_hour},
    unit{"hour", us_per_hour},
    unit{"d", us_per_day},
    unit{"day", us_per_day},
    unit{"w", 7 * us_per_day},
    unit{"week", 7 * us_per_day},
    unit{"mon", 0},
    unit{"month", 0},
    unit{"quarter", 0},
    unit{"y", 0},
    unit{"yr", 0},
    unit{"year", 0},
    unit{"decade", 0},
    unit{"century", 0},
};

// Plural forms of the names that have one: "seconds", "mins", not "ss".
std::optional<unit> find_unit(std::string_view word) {
  std::string lower(word);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (const unit& u : units) {
    if (lower == u.name) return u;
    if (u.name.size() >= 3 && lower.size() == u.name.size() + 1 && lower.back() == 's' && lower.starts_with(u.name))
      return u;
  }
  return std::nullopt;
}

constexpr std::string_view interval_hint = "write it as '5 seconds', '1 hour 30 minutes' or '00:05:00'";

tl::unexpected<error> no_interval(std::string_view text, std::string_view why) {
  return with_hint(fail(errc::parse_error, "{} is no interval: {}", quoted_excerpt(text), why),
                   std::string(interval_hint));
}

// Sums the parts of an interval and notices when the sum leaves 64 bits.
class interval_sum {
 public:
  bool add(std::int64_t count, std::int64_t unit_us, bool negative) {
    std::int64_t product = 0;
    if (__builtin_mul_overflow(negative ? -count : count, unit_us, &product)) return false;
    return !__builtin_add_overflow(total_, product, &total_);
  }
  std::int64_t total() const { return total_; }

 private:
  std::int64_t total_ = 0;
};

void skip_blanks(cursor& c) {
  while (!c.rest.empty() && c.rest.front() == ' ') c.rest.remove_prefix(1);
}

// A whole number; false when there is none or it does not fit.
bool take_count(cursor& c, std::int64_t& out) {
  const auto [end, ec] = std::from_chars(c.rest.data(), c.rest.data() + c.rest.size(), out);
  if (ec != std::errc() || c.rest.empty() || !is_digit(c.rest.front())) return false;
  c.rest.remove_prefix(static_cast<std::size_t>(end - c.rest.data()));
  return true;
}

// ":MM" or ":MM:SS[.ffffff]" behind the hours.
bool take_clock(cursor& c, std::int64_t hours, bool negative, interval_sum& sum) {
  int minutes = 0;
  int seconds = 0;
  int microseconds = 0;
  if (!c.take(':') || !c.take_number(2, minutes) || minutes > 59) return false;
  if (c.take(':')) {
    if (!c.take_number(2, seconds) || seconds > 59) return false;
    if (c.take('.') && !take_fraction(c, microseconds)) return false;
  }
  const std::int64_t below_hour = minutes * us_per_minute + seconds * us_per_s + microseconds;
  return sum.add(hours, us_per_hour, negative) && sum.add(below_hour, 1, negative);
}

// "1.5 hours": the fraction must come out as whole microseconds.
status take_quantity(cursor& c, std::string_view text, std::int64_t count, bool negative, interval_sum& sum) {
  std::int64_t fraction = 0;
  std::int64_t scale = 1;
  if (c.take('.')) {
    while (!c.rest.empty() && is_digit(c.rest.front())) {
      if (scale == 1'000'000) return no_interval(text, "more than 6 digits behind the point");
      fraction = fraction * 10 + (c.rest.front() - '0');
      scale *= 10;
      c.rest.remove_prefix(1);
    }
  }
  skip_blanks(c);
  std::size_t letters = 0;
  while (letters < c.rest.size() && std::isalpha(static_cast<unsigned char>(c.rest[letters])) != 0) ++letters;
  if (letters == 0) return no_interval(text, "a number without its unit");
  const auto found = find_unit(c.rest.substr(0, letters));
  if (!found) return no_interval(text, fmt::format("unknown unit {}", quoted_excerpt(c.rest.substr(0, letters))));
  if (found->us == 0) return no_interval(text, "months and years have no fixed length");
  c.rest.remove_prefix(letters);
  if (fraction * found->us % scale != 0) return no_interval(text, "finer than a microsecond");
  if (!sum.add(count, found->us, negative) || !sum.add(fraction * found->us / scale, 1, negative))
    return no_interval(text, "longer than 64 bits of microseconds");
  return {};
}

}  // namespace

std::int64_t from_civil(const civil_time& t) {
  return days_from_civil(t.year, t.month, t.day) * us_per_day +
         ((t.hour * 60LL + t.minute) * 60 + t.second) * us_per_s + t.microsecond;
}

civil_time to_civil(std::int64_t us) {
  const std::int64_t day_start = floor_to(us, us_per_day);
  const std::int64_t days = day_start / us_per_day;
  const std::int64_t in_day = us - day_start;
  // civil_from_days, the inverse of days_from_civil.
  const std::int64_t z = days + 719'468;
  const std::int64_t era = (z >= 0 ? z : z - 146'096) / 146'097;
  const auto doe = static_cast<unsigned>(z - era * 146'097);
  const unsigned yoe = (doe - doe / 1'460 + doe / 36'524 - doe / 146'096) / 365;
  const unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const unsigned mp = (5 * doy + 2) / 153;
  civil_time t{};
  t.day = static_cast<int>(doy - (153 * mp + 2) / 5 + 1);
  t.month = static_cast<int>(mp < 10 ? mp + 3 : mp - 9);
  t.year = static_cast<int>(yoe) + static_cast<int>(era * 400) + (t.month <= 2 ? 1 : 0);
  t.hour = static_cast<int>(in_day / us_per_hour);
  t.minute = static_cast<int>(in_day / us_per_minute % 60);
  t.second = static_cast<int>(in_day / us_per_s % 60);
  t.microsecond = static_cast<int>(in_day % us_per_s);
  t.day_of_week = static_cast<int>(((days + 4) % 7 + 7) % 7);  // 1970-01-01 was a Thursday
  t.day_of_year = static_cast<int>(days - days_from_civil(t.year, 1, 1)) + 1;
  return t;
}

result<std::int64_t> parse_timestamp(std::string_view text) {
  cursor c{text};
  civil_time t{};
  if (!c.take_number(4, t.year) || !c.take('-') || !c.take_number(2, t.month) || !c.take('-') ||
      !c.take_number(2, t.day))
    return no_timestamp(text);
  if (t.year == 0 || t.month < 1 || t.month > 12 || t.day < 1 || t.day > days_in_month(t.year, t.month))
    return no_timestamp(text);
  std::int64_t offset = 0;
  if (c.take('T') || c.take('t') || c.take(' ')) {
    if (!take_time(c, t) || !take_zone(c, offset)) return no_timestamp(text);
  }
  if (!c.rest.empty()) return no_timestamp(text);
  const std::int64_t us = from_civil(t) - offset;
  if (us < timestamp_min_us || us > timestamp_max_us) return no_timestamp(text);
  return us;
}

void append_timestamp(std::string& out, std::int64_t us) {
  const civil_time t = to_civil(us);
  append_padded(out, t.year, 4);
  out += '-';
  append_padded(out, t.month, 2);
  out += '-';
  append_padded(out, t.day, 2);
  out += 'T';
  append_padded(out, t.hour, 2);
  out += ':';
  append_padded(out, t.minute, 2);
  out += ':';
  append_padded(out, t.second, 2);
  if (t.microsecond != 0) {
    out += '.';
    if (t.microsecond % 1'000 == 0)
      append_padded(out, t.microsecond / 1'000, 3);
    else
      append_padded(out, t.microsecond, 6);
  }
  out += 'Z';
}

std::string format_timestamp(std::int64_t us) {
  std::string out;
  append_timestamp(out, us);
  return out;
}

result<std::int64_t> parse_interval(std::string_view text) {
  cursor c{text};
  interval_sum sum;
  skip_blanks(c);
  if (c.rest.empty()) return no_interval(text, "it is empty");
  while (!c.rest.empty()) {
    const bool negative = c.rest.front() == '-';
    if (!c.take('-')) c.take('+');
    std::int64_t count = 0;
    if (!take_count(c, count)) return no_interval(text, "expected a number");
    if (!c.rest.empty() && c.rest.front() == ':') {
      if (!take_clock(c, count, negative, sum)) return no_interval(text, "a time of day must be HH:MM or HH:MM:SS");
    } else {
      WEIR_TRY_VOID(take_quantity(c, text, count, negative, sum));
    }
    skip_blanks(c);
  }
  return sum.total();
}

std::string format_interval(std::int64_t us) {
  std::string out;
  const std::int64_t days = us / us_per_day;
  const std::int64_t rest = us % us_per_day;
  if (days != 0) out = fmt::format("{} day{}", days, days == 1 ? "" : "s");
  if (rest == 0 && days != 0) return out;
  if (days != 0) out += ' ';
  if (rest < 0) out += '-';
  const std::int64_t below_day = rest < 0 ? -rest : rest;
  out += fmt::format("{:02}:{:02}:{:02}", below_day / us_per_hour, below_day / us_per_minute % 60,
                     below_day / us_per_s % 60);
  if (const auto fraction = below_day % us_per_s; fraction != 0) {
    out += fmt::format(".{:06}", fraction);
    out.erase(out.find_last_not_of('0') + 1);
  }
  return out;
}

}  // namespace weir

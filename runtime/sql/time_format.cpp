#include "runtime/sql/time_format.hpp"

#include <fmt/format.h>

#include "runtime/time/timestamp.hpp"

namespace weir {
namespace {

constexpr std::string_view months[] = {"January", "February", "March",     "April",   "May",      "June",
                                       "July",    "August",   "September", "October", "November", "December"};
constexpr std::string_view days[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};

enum class letters : std::uint8_t { upper, capital, lower };

std::string in_letters(std::string_view word, letters how) {
  std::string out(word);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const bool upper = how == letters::upper || (how == letters::capital && i == 0);
    char& c = out[i];
    if (upper && c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
    if (!upper && c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return out;
}

std::string number(int value, int width, bool plain) {
  return plain ? std::to_string(value) : fmt::format("{:0{}}", value, width);
}
// Full names are padded to the longest, nine letters.
std::string name(std::string_view word, letters how, bool plain) {
  return plain ? in_letters(word, how) : fmt::format("{:<9}", in_letters(word, how));
}
std::string short_name(std::string_view word, letters how) { return in_letters(word.substr(0, 3), how); }
int hour12(const civil_time& t) { return t.hour % 12 == 0 ? 12 : t.hour % 12; }
std::string_view month_name(const civil_time& t) { return months[t.month - 1]; }
std::string_view day_name(const civil_time& t) { return days[t.day_of_week]; }

struct known_pattern {
  std::string_view name;
  bool any_case;  // yyyy as YYYY
  std::string (*write)(const civil_time&, bool plain);
};

// A pattern that begins like another stands before it.
constexpr known_pattern patterns[] = {
    {"YYYY", true, [](const civil_time& t, bool p) { return number(t.year, 4, p); }},
    {"YYY", true, [](const civil_time& t, bool p) { return number(t.year % 1000, 3, p); }},
    {"YY", true, [](const civil_time& t, bool p) { return number(t.year % 100, 2, p); }},
    {"Y", true, [](const civil_time& t, bool p) { return number(t.year % 10, 1, p); }},
    {"MONTH", false, [](const civil_time& t, bool p) { return name(month_name(t), letters::upper, p); }},
    {"Month", false, [](const civil_time& t, bool p) { return name(month_name(t), letters::capital, p); }},
    {"month", false, [](const civil_time& t, bool p) { return name(month_name(t), letters::lower, p); }},
    {"MON", false, [](const civil_time& t, bool) { return short_name(month_name(t), letters::upper); }},
    {"Mon", false, [](const civil_time& t, bool) { return short_name(month_name(t), letters::capital); }},
    {"mon", false, [](const civil_time& t, bool) { return short_name(month_name(t), letters::lower); }},
    {"MM", true, [](const civil_time& t, bool p) { return number(t.month, 2, p); }},
    {"MI", true, [](const civil_time& t, bool p) { return number(t.minute, 2, p); }},
    {"MS", true, [](const civil_time& t, bool p) { return number(t.microsecond / 1000, 3, p); }},
    {"DAY", false, [](const civil_time& t, bool p) { return name(day_name(t), letters::upper, p); }},
    {"Day", false, [](const civil_time& t, bool p) { return name(day_name(t), letters::capital, p); }},
    {"day", false, [](const civil_time& t, bool p) { return name(day_name(t), letters::lower, p); }},
    {"DDD", true, [](const civil_time& t, bool p) { return number(t.day_of_year, 3, p); }},
    {"DD", true, [](const civil_time& t, bool p) { return number(t.day, 2, p); }},
    {"DY", false, [](const civil_time& t, bool) { return short_name(day_name(t), letters::upper); }},
    {"Dy", false, [](const civil_time& t, bool) { return short_name(day_name(t), letters::capital); }},
    {"dy", false, [](const civil_time& t, bool) { return short_name(day_name(t), letters::lower); }},
    {"D", true, [](const civil_time& t, bool p) { return number(t.day_of_week + 1, 1, p); }},
    {"HH24", true, [](const civil_time& t, bool p) { return number(t.hour, 2, p); }},
    {"HH12", true, [](const civil_time& t, bool p) { return number(hour12(t), 2, p); }},
    {"HH", true, [](const civil_time& t, bool p) { return number(hour12(t), 2, p); }},
    {"SS", true, [](const civil_time& t, bool p) { return number(t.second, 2, p); }},
    {"US", true, [](const civil_time& t, bool p) { return number(t.microsecond, 6, p); }},
    {"AM", false, [](const civil_time& t, bool) { return std::string(t.hour < 12 ? "AM" : "PM"); }},
    {"PM", false, [](const civil_time& t, bool) { return std::string(t.hour < 12 ? "AM" : "PM"); }},
    {"am", false, [](const civil_time& t, bool) { return std::string(t.hour < 12 ? "am" : "pm"); }},
    {"pm", false, [](const civil_time& t, bool) { return std::string(t.hour < 12 ? "am" : "pm"); }},
    {"Q", true, [](const civil_time& t, bool) { return std::to_string((t.month - 1) / 3 + 1); }},
    {"TZ", false, [](const civil_time&, bool) { return std::string("UTC"); }},
    {"tz", false, [](const civil_time&, bool) { return std::string("utc"); }},
};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool begins_with(std::string_view text, const known_pattern& pattern) {
  if (text.size() < pattern.name.size()) return false;
  const auto head = text.substr(0, pattern.name.size());
  return head == pattern.name || (pattern.any_case && in_letters(head, letters::upper) == pattern.name);
}

}  // namespace

tl::expected<time_format, std::string> time_format::parse(std::string_view pattern) {
  time_format out;
  bool no_padding = false;
  const auto add_literal = [&](char c) {
    if (out.parts_.empty() || out.parts_.back().pattern >= 0) out.parts_.push_back({});
    out.parts_.back().literal.push_back(c);
  };
  for (std::size_t at = 0; at < pattern.size();) {
    const char c = pattern[at];
    if (c == '"') {
      for (++at; at < pattern.size() && pattern[at] != '"'; ++at) add_literal(pattern[at]);
      if (at < pattern.size()) ++at;
      continue;
    }
    // T and Z as in ISO 8601 are text in PostgreSQL too, as long as they begin no pattern.
    const auto rest = pattern.substr(at);
    if (rest.starts_with("FM") || rest.starts_with("fm")) {
      no_padding = true;
      at += 2;
      continue;
    }
    int found = -1;
    for (std::size_t i = 0; i < std::size(patterns) && found < 0; ++i)
      if (begins_with(rest, patterns[i])) found = static_cast<int>(i);
    if (found < 0) {
      if (is_letter(c) && c != 'T' && c != 'Z') {
        std::size_t end = at;
        while (end < pattern.size() && is_letter(pattern[end])) ++end;
        return tl::unexpected<std::string>(std::string(pattern.substr(at, end - at)));
      }
      add_literal(c);
      ++at;
      continue;
    }
    out.parts_.push_back({found, no_padding, {}});
    no_padding = false;
    at += patterns[static_cast<std::size_t>(found)].name.size();
    // 12TH and the like would need English endings.
    if (pattern.substr(at).starts_with("TH") || pattern.substr(at).starts_with("th"))
      return tl::unexpected<std::string>(std::string(pattern.substr(at, 2)));
  }
  return out;
}

std::string time_format::known_patterns() {
  std::string out = "FM";
  for (const auto& p : patterns) {
    out += ' ';
    out += p.name;
  }
  return out;
}

void time_format::append(std::string& out, std::int64_t us) const {
  const auto t = to_civil(us);
  for (const auto& p : parts_) {
    if (p.pattern < 0)
      out += p.literal;
    else
      out += patterns[p.pattern].write(t, p.no_padding);
  }
}

}  // namespace weir

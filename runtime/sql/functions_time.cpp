#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "runtime/sql/function_table.hpp"
#include "runtime/sql/kernel_loops.hpp"
#include "runtime/sql/time_format.hpp"
#include "runtime/time/timestamp.hpp"

namespace weir {
namespace {

using int64 = std::int64_t;
using view = std::string_view;
using int_result = row_result<int64>;
constexpr auto text = data_type::text;
constexpr auto time_type = data_type::timestamptz;
constexpr auto interval = data_type::interval;
constexpr auto dbl = data_type::double_precision;

constexpr int64 us_per_hour = 3'600 * us_per_s;
constexpr int64 us_per_minute = 60 * us_per_s;

tl::unexpected<function_problem> problem(std::size_t argument, std::string message, std::string hint) {
  return tl::unexpected<function_problem>(function_problem{argument, std::move(message), std::move(hint)});
}

// A literal text argument in lower case; none when it is a column or null.
std::optional<std::string> literal_text(const node_ptr& argument) {
  const auto constant = argument->constant();
  if (!constant || constant->is_null(0)) return std::nullopt;
  std::string out(constant->text(0));
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

int64 at_day(int year, int month, int day) {
  civil_time t{};
  t.year = year;
  t.month = month;
  t.day = day;
  return from_civil(t);
}

int64 monday_of(int64 us) {
  const int64 day = floor_to(us, us_per_day);
  return day - (to_civil(day).day_of_week + 6) % 7 * us_per_day;
}

struct iso_week {
  int year = 0;
  int week = 0;
};
iso_week iso_week_of(int64 us) {
  const auto thursday = to_civil(monday_of(us) + 3 * us_per_day);
  return {thursday.year, (thursday.day_of_year - 1) / 7 + 1};
}

// --- date_trunc ---

using truncate_function = int64 (*)(int64);

template <int64 Step>
int64 truncate_to(int64 us) {
  return floor_to(us, Step);
}
// An interval loses its smaller fields, so it comes nearer to zero, as in PostgreSQL.
template <int64 Step>
int64 shorten_to(int64 us) {
  return us - us % Step;
}
int64 truncate_to_month(int64 us) {
  const auto t = to_civil(us);
  return at_day(t.year, t.month, 1);
}
int64 truncate_to_quarter(int64 us) {
  const auto t = to_civil(us);
  return at_day(t.year, (t.month - 1) / 3 * 3 + 1, 1);
}
int64 truncate_to_year(int64 us) { return at_day(to_civil(us).year, 1, 1); }

struct truncate_unit {
  view name;
  truncate_function of_time;
  truncate_function of_interval;  // null: has no fixed length
};

constexpr truncate_unit truncate_units[] = {
    {"microseconds", truncate_to<1>, shorten_to<1>},
    {"microsecond", truncate_to<1>, shorten_to<1>},
    {"milliseconds", truncate_to<us_per_ms>, shorten_to<us_per_ms>},
    {"millisecond", truncate_to<us_per_ms>, shorten_to<us_per_ms>},
    {"second", truncate_to<us_per_s>, shorten_to<us_per_s>},
    {"minute", truncate_to<us_per_minute>, shorten_to<us_per_minute>},
    {"hour", truncate_to<us_per_hour>, shorten_to<us_per_hour>},
    {"day", truncate_to<us_per_day>, shorten_to<us_per_day>},
    {"week", monday_of, nullptr},
    {"month", truncate_to_month, nullptr},
    {"quarter", truncate_to_quarter, nullptr},
    {"year", truncate_to_year, nullptr},
};

kernel_or_problem prepare_date_trunc(std::span<const node_ptr> arguments) {
  const auto unit = literal_text(arguments[0]);
  const bool of_interval = arguments[1]->type() == interval;
  std::vector<view> known;
  for (const auto& u : truncate_units) {
    const auto run = of_interval ? u.of_interval : u.of_time;
    if (run == nullptr) continue;
    if (unit == u.name) {
      auto body = [run](int_result& out, view, int64 us) { out.value = run(us); };
      return row_kernel<int64, view, int64>(arguments[1]->type(), body);
    }
    known.push_back(u.name);
  }
  return problem(
      0, unit ? fmt::format("date_trunc has no unit '{}'", *unit) : "date_trunc needs its unit as a quoted text",
      fmt::format("units are {}", fmt::join(known, ", ")));
}

// --- extract ---

using extract_function = double (*)(int64);

double seconds_of_minute(int64 us) { return static_cast<double>(us - floor_to(us, us_per_minute)) / us_per_s; }
double ms_of_minute(int64 us) { return static_cast<double>(us - floor_to(us, us_per_minute)) / us_per_ms; }
double us_of_minute(int64 us) { return static_cast<double>(us - floor_to(us, us_per_minute)); }
double epoch(int64 us) { return static_cast<double>(us) / us_per_s; }

struct extract_field {
  view name;
  extract_function of_time;
  extract_function of_interval;  // null: not for intervals
};

constexpr extract_field extract_fields[] = {
    {"epoch", epoch, epoch},
    {"microseconds", us_of_minute, [](int64 us) { return static_cast<double>(us % us_per_minute); }},
    {"milliseconds", ms_of_minute, [](int64 us) { return static_cast<double>(us % us_per_minute) / us_per_ms; }},
    {"second", seconds_of_minute, [](int64 us) { return static_cast<double>(us % us_per_minute) / us_per_s; }},
    {"minute", [](int64 us) { return double(to_civil(us).minute); },
     [](int64 us) { return static_cast<double>(us % us_per_hour / us_per_minute); }},
    {"hour", [](int64 us) { return double(to_civil(us).hour); },
     [](int64 us) { return static_cast<double>(us % us_per_day / us_per_hour); }},
    {"day", [](int64 us) { return double(to_civil(us).day); },
     [](int64 us) { return static_cast<double>(us / us_per_day); }},
    {"dow", [](int64 us) { return double(to_civil(us).day_of_week); }, nullptr},
    {"isodow", [](int64 us) { return double((to_civil(us).day_of_week + 6) % 7 + 1); }, nullptr},
    {"doy", [](int64 us) { return double(to_civil(us).day_of_year); }, nullptr},
    {"week", [](int64 us) { return double(iso_week_of(us).week); }, nullptr},
    {"month", [](int64 us) { return double(to_civil(us).month); }, nullptr},
    {"quarter", [](int64 us) { return double((to_civil(us).month - 1) / 3 + 1); }, nullptr},
    {"year", [](int64 us) { return double(to_civil(us).year); }, nullptr},
    {"isoyear", [](int64 us) { return double(iso_week_of(us).year); }, nullptr},
    {"decade", [](int64 us) { return double(to_civil(us).year / 10); }, nullptr},
    {"century", [](int64 us) { return double((to_civil(us).year + 99) / 100); }, nullptr},
};

kernel_or_problem prepare_extract(std::span<const node_ptr> arguments) {
  const auto name = literal_text(arguments[0]);
  const bool of_interval = arguments[1]->type() == interval;
  std::vector<view> known;
  for (const auto& f : extract_fields) {
    const auto run = of_interval ? f.of_interval : f.of_time;
    if (run == nullptr) continue;
    if (name == f.name)
      return row_kernel<double, view, int64>(dbl,
                                             [run](row_result<double>& out, view, int64 us) { out.value = run(us); });
    known.push_back(f.name);
  }
  return problem(0,
                 name ? fmt::format("extract has no field '{}' of {}", *name, to_string(arguments[1]->type()))
                      : "extract needs its field as a quoted text",
                 fmt::format("fields are {}", fmt::join(known, ", ")));
}

// --- to_char, date_bin, to_timestamp ---

kernel_or_problem prepare_to_char(std::span<const node_ptr> arguments) {
  const auto pattern = arguments[1]->constant();
  if (!pattern || pattern->is_null(0))
    return problem(1, "to_char needs its pattern as a quoted text", "write 'YYYY-MM-DD'");
  auto format = time_format::parse(pattern->text(0));
  if (!format)
    return problem(
        1, fmt::format("to_char pattern '{}' is not supported", format.error()),
        fmt::format("patterns are {}; text that is none stands in double quotes", time_format::known_patterns()));
  return row_kernel<std::string, int64, view>(
      text,
      [format = std::move(*format)](row_result<std::string>& out, int64 us, view) { format.append(out.value, us); });
}

void date_bin(int_result& out, int64 stride, int64 us, int64 origin) {
  if (stride <= 0) return out.fail("date_bin needs a stride above zero");
  const int64 in_bin = (us - origin) % stride;
  if (__builtin_sub_overflow(us, in_bin < 0 ? in_bin + stride : in_bin, &out.value) || out.value < timestamp_min_us)
    return out.fail("timestamp out of range (years 1 to 9999)");
}

void to_timestamp(int_result& out, double seconds) {
  const double us = std::nearbyint(seconds * 1e6);
  // The last microsecond of year 9999 has no double; the next one above is in year 10000.
  if (!(us >= static_cast<double>(timestamp_min_us) && us < static_cast<double>(timestamp_max_us)))
    return out.fail("timestamp out of range (years 1 to 9999)");
  out.value = static_cast<int64>(us);
}

}  // namespace

void add_time_functions(std::vector<scalar_function>& table) {
  for (const auto type : {time_type, interval}) {
    table.push_back({"date_trunc", {text, type}, type, false, {}, prepare_date_trunc});
    for (const auto* name : {"extract", "date_part"})
      table.push_back({name, {text, type}, dbl, false, {}, prepare_extract});
  }
  table.push_back({"to_char", {time_type, text}, text, false, {}, prepare_to_char});
  table.push_back({"date_bin",
                   {interval, time_type, time_type},
                   time_type,
                   true,
                   row_kernel<int64, int64, int64, int64>(time_type, date_bin)});
  table.push_back({"to_timestamp", {dbl}, time_type, true, row_kernel<int64, double>(time_type, to_timestamp)});
}

}  // namespace weir

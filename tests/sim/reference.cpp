#include "tests/sim/reference.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "runtime/time/timestamp.hpp"

namespace weir::sim {

namespace {

constexpr std::int64_t window_us = 5'000'000, gap_us = 2'000'000;

std::string number(double v) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, v).ptr};
}

struct group {
  std::int64_t count = 0;
  double sum = 0, least = 0, most = 0;

  void add(double v) {
    least = count == 0 ? v : std::min(least, v);
    most = count == 0 ? v : std::max(most, v);
    sum += v;
    ++count;
  }
};

std::int64_t window_of(std::int64_t t) { return t - ((t % window_us) + window_us) % window_us; }

std::string quoted_time(std::int64_t t) { return '"' + format_timestamp(t) + '"'; }

void add_sessions(const std::map<std::string, std::vector<std::pair<std::int64_t, double>>>& by_sensor,
                  std::vector<std::string>& out) {
  for (auto [sensor, points] : by_sensor) {
    std::ranges::sort(points);
    for (std::size_t i = 0; i < points.size();) {
      std::size_t last = i;
      while (last + 1 < points.size() && points[last + 1].first - points[last].first <= gap_us) ++last;
      out.push_back(fmt::format(R"({{"window_start":{},"window_end":{},"sensor":"{}","n":{}}})",
                                quoted_time(points[i].first), quoted_time(points[last].first + gap_us), sensor,
                                last - i + 1));
      i = last + 1;
    }
  }
}

}  // namespace

expected_answers reference(const std::vector<instrument>& instruments, std::int64_t lateness_us) {
  expected_answers out;
  std::map<std::pair<std::int64_t, std::string>, group> by_sensor;
  std::map<std::tuple<std::int64_t, std::string>, group> by_source;
  std::map<std::string, std::vector<std::pair<std::int64_t, double>>> points;
  auto& high = out.rows["high"];
  for (const auto& instrument : instruments) {
    bool any = false;
    std::int64_t newest = 0;
    for (const auto& r : instrument.readings) {
      if (r.broken || r.poison) {
        ++out.dead;
        continue;
      }
      if (r.value > 5) high.push_back(fmt::format(R"({{"sensor":"{}","doubled":{}}})", r.sensor, number(r.value * 2)));
      const bool late = any && r.at_us < newest - lateness_us;
      newest = any ? std::max(newest, r.at_us) : r.at_us;
      any = true;
      if (late) {
        ++out.late;
        continue;
      }
      by_sensor[{window_of(r.at_us), r.sensor}].add(r.value);
      by_source[{window_of(r.at_us), instrument.name}].add(r.value);
      points[r.sensor].emplace_back(r.at_us, r.value);
    }
  }
  std::map<std::string, group> totals;
  for (const auto& [key, g] : by_sensor) {
    out.rows["per_sensor"].push_back(
        fmt::format(R"({{"window_start":{},"sensor":"{}","n":{},"total":{},"least":{},"most":{}}})",
                    quoted_time(key.first), key.second, g.count, number(g.sum), number(g.least), number(g.most)));
    totals[key.second].add(static_cast<double>(g.count));
  }
  for (const auto& [key, g] : by_source)
    out.rows["per_source"].push_back(fmt::format(R"({{"window_start":{},"source":"{}","n":{},"mean":{}}})",
                                                 quoted_time(std::get<0>(key)), std::get<1>(key), g.count,
                                                 number(g.sum / static_cast<double>(g.count))));
  for (const auto& [sensor, g] : totals)
    out.rows["totals"].push_back(
        fmt::format(R"({{"sensor":"{}","windows":{},"records":{}}})", sensor, g.count, number(g.sum)));
  add_sessions(points, out.rows["runs"]);
  for (auto& [view, rows] : out.rows) std::ranges::sort(rows);
  return out;
}

std::string sim_sql(std::int64_t lateness_us) {
  return fmt::format(R"(
CREATE TABLE readings (at timestamptz NOT NULL, sensor text NOT NULL, value double precision)
  WITH (format = 'json', event_time = 'at', lateness = '{} ms');
CREATE MATERIALIZED VIEW per_sensor AS
  SELECT window_start, sensor, count(*) AS n, sum(value) AS total, min(value) AS least, max(value) AS most
  FROM tumble(readings, interval '5 seconds') GROUP BY window_start, sensor;
CREATE MATERIALIZED VIEW per_source AS
  SELECT window_start, source, count(*) AS n, avg(value) AS mean
  FROM tumble(readings, interval '5 seconds') GROUP BY window_start, source;
CREATE MATERIALIZED VIEW runs AS
  SELECT window_start, window_end, sensor, count(*) AS n
  FROM session(readings, interval '2 seconds') GROUP BY window_start, window_end, sensor;
CREATE MATERIALIZED VIEW totals WITH (max_rows = 100000) AS
  SELECT sensor, count(*) AS windows, sum(n) AS records FROM per_sensor GROUP BY sensor;
CREATE MATERIALIZED VIEW high AS
  SELECT sensor, value * 2 AS doubled FROM readings WHERE value > 5;
)",
                     lateness_us / 1'000);
}

std::string record_text(const reading& r) {
  if (r.broken) return R"({"at":"not a time","sensor":)";
  return fmt::format(R"({{"at":{},"sensor":"{}","value":{}}})", quoted_time(r.at_us), r.sensor, number(r.value));
}

}  // namespace weir::sim

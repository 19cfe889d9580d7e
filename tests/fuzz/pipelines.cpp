#include "tests/fuzz/pipelines.hpp"

#include "runtime/sql/words.hpp"
#include "tests/fuzz/fuzz_target.hpp"

namespace weir::fuzz {

namespace {

constexpr const char* more_views = R"sql(
CREATE MATERIALIZED VIEW by_source AS SELECT window_start, source, count(*) AS c, max(at) AS m
  FROM tumble(t, interval '1 minute') GROUP BY window_start, source;
CREATE MATERIALIZED VIEW visits AS SELECT window_start, window_end, k, count(*) AS c, avg(x) AS a, stddev(x) AS sd,
  count(DISTINCT n) AS dn, first(j) AS f FROM session(t, interval '3 seconds') GROUP BY window_start, window_end, k;
CREATE MATERIALIZED VIEW changing WITH (emit = 'changes') AS SELECT window_start, b, sum(n) AS s, min(d) AS m,
  last(raw) AS l, variance(n) AS v FROM tumble(t, interval '10 seconds', interval '1 s') GROUP BY window_start, b;
CREATE MATERIALIZED VIEW aging WITH (ttl = '1 day', max_rows = 3) AS SELECT k, n, count(*) AS c, sum(x) AS s FROM t
  GROUP BY k, n;
)sql";

constexpr const char* readers = R"sql(
CREATE MATERIALIZED VIEW over_v AS SELECT k, n + 1 AS n1 FROM v WHERE x > 0;
CREATE MATERIALIZED VIEW over_w AS SELECT window_start, sum(c) AS c FROM tumble(w, interval '1 minute')
  GROUP BY window_start;
CREATE MATERIALIZED VIEW over_u WITH (max_rows = 100) AS SELECT c, count(*) AS y, sum(s) AS s FROM u GROUP BY c;
)sql";

void fold_in(control_state& state, const result<std::vector<control_record>>& records) {
  if (!records) throw violation(records.error().text());
  for (const auto& r : *records)
    if (const auto done = fold_control(state, {state.offset + 1, r.key, r.value, {}, 0}); !done)
      throw violation(done.error().text());
}

std::shared_ptr<const control_plan> make_control() {
  control_state state;
  fold_in(state, set_deployment(state, {1, 2}));
  fold_in(state,
          apply_pipeline(*plan_control(state).value(), "first", std::string(words_catalog) + more_views, false, true));
  fold_in(state, apply_pipeline(*plan_control(state).value(), "second", readers, false, true));
  const source_record north{"north", "t", "simulate", {{"rate", "3"}}}, other{"other", "t", "file", {{"path", "/x"}}};
  fold_in(state, add_sources(*plan_control(state).value(), {north, other}));
  return plan_control(state).value();
}

constexpr const char* timed_streams = R"sql(
CREATE TABLE times (at timestamptz NOT NULL, n bigint)
  WITH (format = 'json', event_time = 'at', lateness = '5 s', idle = '30 s', max_future = '1 hour');
CREATE TABLE numbers (at bigint, n bigint)
  WITH (format = 'json', event_time = 'at', event_time_unit = 'ms', lateness = '1 day');
CREATE TABLE arrivals (n bigint) WITH (format = 'json', idle = '10 s');
)sql";

std::shared_ptr<const control_plan> make_timed(const std::string& stream) {
  control_state state;
  fold_in(state, set_deployment(state, {1, 1}));
  fold_in(state, apply_pipeline(*plan_control(state).value(), "p", timed_streams, false, true));
  std::vector<source_record> sources;
  for (const auto* name : {"north", "south"}) sources.push_back({name, stream, "file", {{"path", "/x"}}});
  fold_in(state, add_sources(*plan_control(state).value(), sources));
  return plan_control(state).value();
}

}  // namespace

const control_plan& timed(std::string_view stream) {
  static std::map<std::string, std::shared_ptr<const control_plan>, std::less<>> made;
  const auto it = made.find(stream);
  return it != made.end() ? *it->second : *(made[std::string(stream)] = make_timed(std::string(stream)));
}

const control_plan& control() {
  static const auto made = make_control();
  return *made;
}

const std::vector<view_plan>& grouped_views() {
  static const auto made = [] {
    std::vector<view_plan> out;
    for (const auto& view : control().pipelines.at("first").views)
      if (view.grouped) out.push_back(view);
    return out;
  }();
  return made;
}

}  // namespace weir::fuzz

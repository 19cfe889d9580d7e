#include <catch2/catch.hpp>

#include "tests/support/operator_runs.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

constexpr std::int64_t s = 1'000'000;
const window_spec five_seconds{window_kind::tumble, 5 * s, 0};

view_plan per_source(window_spec window = five_seconds) {
  return grouped_plan(
      window, {source_column()},
      {call(aggregate_kind::count_rows), call(aggregate_kind::max, value_column(), data_type::double_precision)});
}

view_plan per_image(window_spec window = five_seconds) {
  return grouped_plan(
      window, {image_column()},
      {call(aggregate_kind::count_rows), call(aggregate_kind::max, value_column(), data_type::double_precision)});
}

}  // namespace

TEST_CASE("a tumbling window closes when its own source's watermark reaches its end") {
  auto op = make_view_operator(per_source(), {});
  operator_output out;
  REQUIRE(op->process(
      make_batch({{"a", 1 * s, "x", 1.5}, {"a", 4 * s, "x", 2.5}, {"b", 4 * s, "x", 9.0}, {"a", 5 * s, "x", 7.0}}),
      out));
  time_progress progress;
  progress.by_source["a"].watermark_us = 5 * s - 1;
  REQUIRE(op->advance(progress, out));
  CHECK(out.rows.size() == 0);
  progress.by_source["a"].watermark_us = 5 * s;
  REQUIRE(op->advance(progress, out));
  CHECK(rows_of(out) == std::vector<std::string>{"a|0|5000000|2|2.5"});
  CHECK(out.rows.event_time_us[0] == 5 * s - 1000);
  CHECK(out.rows.sources->at(out.rows.source[0]) == "a");
  CHECK(op->group_count() == 2);
}

TEST_CASE("partial groups of two shards become one final row where their key lives") {
  const auto plan = per_image();
  auto first = make_partial_operator(plan, 3, {}), second = make_partial_operator(plan, 3, {});
  operator_output out;
  REQUIRE(first->process(make_batch({{"a", 1 * s, "x", 1.0}, {"a", 2 * s, "y", 2.0}}), out));
  REQUIRE(second->process(make_batch({{"b", 3 * s, "x", 5.0}}), out));
  std::vector<shuffle_entry> entries;
  REQUIRE(first->cut(entries));
  REQUIRE(second->cut(entries));
  auto merging = make_merging_operator(plan, {});
  for (const auto& e : entries) REQUIRE(merging->merge(e.value, out));
  time_progress progress;
  progress.stream.watermark_us = 5 * s;
  REQUIRE(merging->advance(progress, out));
  CHECK(rows_of(out) == std::vector<std::string>{"x|0|5000000|2|5", "y|0|5000000|1|2"});
  CHECK(merging->group_count() == 0);
}

TEST_CASE("a window that begins or ends where no text can say is a refused row, the others are not") {
  auto op = make_view_operator(per_source({window_kind::tumble, 7 * 86'400 * s, 0}), {});
  operator_output out;
  constexpr std::int64_t first = -62'135'596'800 * s, last = 253'402'300'799 * s;  // of the years 1 and 9999
  REQUIRE(op->process(make_batch({{"a", first, "x", 1.0}, {"a", 0, "x", 2.0}, {"a", last, "x", 3.0}}), out));
  time_progress progress;
  progress.by_source["a"].watermark_us = last + 8 * 86'400 * s;
  REQUIRE(op->advance(progress, out));
  CHECK(rows_of(out) == std::vector<std::string>{"a|0|604800000000|1|2"});
  REQUIRE(out.dead.size() == 2);
  for (const auto& refused : out.dead) CHECK(refused.reason == "its window begins or ends outside the years 1 to 9999");
}

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "runtime/operators/aggregate/accumulator_array.hpp"
#include "runtime/operators/pull_query.hpp"
#include "tests/support/operator_runs.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

constexpr auto real = data_type::double_precision;

// One aggregate over values and numbers, as its text.
std::string answer(const aggregate_call& c, const std::vector<test_row>& rows) {
  pull_plan p;
  p.view = "v";
  p.input_columns = stream_schema();
  p.grouped = true;
  p.aggregates = {c};
  p.group_columns = p.output_columns = make_schema({{"a", c.type}});
  p.output = {col(0, c.type)};
  const auto found = run_pull_query(p, make_batch(rows).rows);
  return found ? row_text(*found, 0) : found.error().message;
}

std::vector<test_row> values(const std::vector<std::optional<double>>& v) {
  std::vector<test_row> rows(v.size());
  for (std::size_t i = 0; i < v.size(); ++i) rows[i].value = v[i];
  return rows;
}
std::vector<test_row> numbers(const std::vector<std::optional<std::int64_t>>& v) {
  std::vector<test_row> rows(v.size());
  for (std::size_t i = 0; i < v.size(); ++i) rows[i].number = v[i];
  return rows;
}
std::vector<test_row> images(const std::vector<std::optional<std::string>>& v) {
  std::vector<test_row> rows(v.size());
  for (std::size_t i = 0; i < v.size(); ++i) rows[i].image = v[i];
  return rows;
}
aggregate_call of_values(aggregate_kind k) { return call(k, value_column(), real); }
aggregate_call of_numbers(aggregate_kind k, data_type t = data_type::bigint) { return call(k, number_column(), t); }

constexpr auto max_int = std::numeric_limits<std::int64_t>::max();

}  // namespace

TEST_CASE("nulls are ignored, and count(*) counts rows") {
  CHECK(answer(call(aggregate_kind::count_rows), values({1.0, {}, 2.0})) == "3");
  CHECK(answer(call(aggregate_kind::count, value_column()), values({1.0, {}, 2.0})) == "2");
  CHECK(answer(of_values(aggregate_kind::sum), values({1.5, {}, 2.0})) == "3.5");
  CHECK(answer(of_values(aggregate_kind::avg), values({1.0, {}, 2.0})) == "1.5");
}

TEST_CASE("aggregates of nothing are null") {
  for (const auto k : {aggregate_kind::sum, aggregate_kind::avg, aggregate_kind::min, aggregate_kind::max,
                       aggregate_kind::stddev, aggregate_kind::variance, aggregate_kind::first, aggregate_kind::last}) {
    CHECK(answer(of_values(k), values({{}, {}})) == "null");
    CHECK(answer(of_values(k), {}) == "null");
  }
  CHECK(answer(of_values(aggregate_kind::variance), values({1.0})) == "null");
}

TEST_CASE("a sum beyond bigint is an error, not a wrong number") {
  CHECK(answer(of_numbers(aggregate_kind::sum), numbers({max_int, 1})) ==
        "query over v: sum overflows bigint: cast to double precision");
  CHECK(answer(of_numbers(aggregate_kind::sum), numbers({max_int, 1, -2})) == std::to_string(max_int - 1));
  CHECK(std::stod(answer(of_numbers(aggregate_kind::avg, real), numbers({max_int, max_int}))) == 0x1p63);
}

TEST_CASE("means of intervals are rounded half away from zero") {
  column out(data_type::interval);
  push_integer_mean(3, 2, out);
  push_integer_mean(-3, 2, out);
  push_integer_mean(4, 3, out);
  CHECK(std::vector<std::int64_t>(out.ints().begin(), out.ints().end()) == std::vector<std::int64_t>{2, -2, 1});
}

TEST_CASE("min and max: NaN is above every number, texts compare by bytes") {
  CHECK(answer(of_values(aggregate_kind::max), values({1.0, std::nan(""), 2.0})) == "NaN");
  CHECK(answer(of_values(aggregate_kind::min), values({std::nan(""), 2.0, 1.0})) == "1");
  CHECK(answer(of_values(aggregate_kind::min), values({0.0, -0.0})) == "-0.0");
  CHECK(answer(of_values(aggregate_kind::max), values({-0.0, 0.0, -0.0})) == "0");
  const auto text = [](aggregate_kind k) { return call(k, image_column(), data_type::text); };
  CHECK(answer(text(aggregate_kind::min), images({"b", {}, "B", "\xc3\xa4"})) == "B");
  CHECK(answer(text(aggregate_kind::max), images({"b", {}, "B", "\xc3\xa4"})) == "\xc3\xa4");
}

TEST_CASE("variance and stddev are of samples") {
  CHECK(answer(of_values(aggregate_kind::variance), values({2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0, 5.0})) == "4");
  CHECK(answer(of_values(aggregate_kind::stddev), values({2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0, 5.0})) == "2");
  CHECK(answer(of_numbers(aggregate_kind::variance, real), numbers({1'000'000'000'000'000, 1'000'000'000'000'002})) ==
        "2");
  CHECK(answer(of_values(aggregate_kind::stddev), values({1.0, std::numeric_limits<double>::infinity()})) == "NaN");
}

TEST_CASE("DISTINCT takes every value once, NaN and zero as GROUP BY does") {
  const auto distinct = [](aggregate_call c) {
    c.distinct = true;
    return c;
  };
  CHECK(answer(distinct(call(aggregate_kind::count, value_column())),
               values({1.0, 1.0, {}, 0.0, -0.0, std::nan("1"), std::nan("2")})) == "3");
  CHECK(answer(distinct(of_numbers(aggregate_kind::sum)), numbers({5, 5, 7, {}})) == "12");
  CHECK(answer(distinct(of_numbers(aggregate_kind::avg, real)), numbers({5, 5, 8})) == "6.5");
}

TEST_CASE("FILTER guards the argument: rows it keeps out cannot fail") {
  auto c = of_numbers(aggregate_kind::sum);
  c.filter = predicate([](const record_batch& b, std::size_t i) { return b.columns[3]->ints()[i] != 0; });
  c.argument = std::make_shared<row_function>(data_type::bigint, [](const record_batch& b, std::size_t i, column& out) {
    if (b.columns[3]->ints()[i] == 0) return std::string("division by zero");
    out.push_int(100 / b.columns[3]->ints()[i]);
    return std::string();
  });
  CHECK(answer(c, numbers({4, 0, 5})) == "45");
}

TEST_CASE("first and last go by event time, then source, then sequence") {
  const auto run = [](aggregate_kind k, std::vector<test_row> rows) {
    auto plan = grouped_plan({}, {image_column()}, {of_numbers(k)});
    auto partial = make_partial_operator(plan, 1, {});
    auto merging = make_merging_operator(plan, {});
    operator_output out;
    std::vector<state_change> changes;
    for (const auto& r : rows) {
      std::vector<shuffle_entry> entries;
      REQUIRE(partial->process(make_batch({r}), out));
      REQUIRE(partial->cut(entries));
      for (const auto& e : entries) REQUIRE(merging->merge(e.value, out));
    }
    REQUIRE(merging->cut(out, changes));
    return rows_of(out).at(0);
  };
  std::vector<test_row> rows(5);
  for (auto& r : rows) r.image = "x", r.event_time_us = 10;
  rows[0].source = "b", rows[0].number = 1;
  rows[1].source = "a", rows[1].number = 2, rows[1].sequence = 9;
  rows[2].source = "a", rows[2].number = 3, rows[2].sequence = 8;
  rows[3].source = "a", rows[3].event_time_us = 1;  // a null: no candidate
  rows[4].source = "c", rows[4].event_time_us = 9, rows[4].number = 5;
  CHECK(run(aggregate_kind::first, rows) == "+ x|5");
  CHECK(run(aggregate_kind::last, rows) == "+ x|1");
  rows.pop_back();
  CHECK(run(aggregate_kind::first, rows) == "+ x|3");
  std::reverse(rows.begin(), rows.end());
  CHECK(run(aggregate_kind::first, rows) == "+ x|3");
  CHECK(run(aggregate_kind::last, rows) == "+ x|1");
}

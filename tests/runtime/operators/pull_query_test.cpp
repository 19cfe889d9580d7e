#include "runtime/operators/pull_query.hpp"

#include <catch2/catch.hpp>
#include <cmath>

#include "tests/support/operator_runs.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

using texts = std::vector<std::string>;

record_batch view_rows() {
  std::vector<test_row> rows(6);
  rows[0].image = "b", rows[0].value = 2.5, rows[0].number = 3;
  rows[1].image = "a", rows[1].value = std::nan(""), rows[1].number = 1;
  rows[2].image = "c", rows[2].number = 1;
  rows[3].image = "a", rows[3].value = -1.0, rows[3].number = 2;
  rows[4].value = 7.0, rows[4].number = 5;
  rows[5].image = "b", rows[5].value = 0.5, rows[5].number = 4;
  return make_batch(rows).rows;
}

pull_plan plain() {
  pull_plan p;
  p.view = "seen";
  p.input_columns = stream_schema();
  p.output = {image_column(), number_column()};
  p.output_columns = make_schema({{"image", data_type::text}, {"number", data_type::bigint}});
  return p;
}

pull_plan grouped() {
  pull_plan p = plain();
  p.grouped = true;
  p.keys = {image_column()};
  p.aggregates = {call(aggregate_kind::sum, number_column())};
  p.group_columns = p.output_columns;
  p.output = {col(0, data_type::text), col(1, data_type::bigint)};
  return p;
}

texts answer(const pull_plan& p, const record_batch& rows = view_rows()) {
  const auto found = run_pull_query(p, rows);
  REQUIRE(found);
  texts out;
  for (std::size_t i = 0; i < found->rows; ++i) out.push_back(row_text(*found, i));
  return out;
}

}  // namespace

TEST_CASE("a plain query filters, sorts, skips and limits") {
  auto p = plain();
  CHECK(answer(p).size() == 6);
  p.where = predicate([](const record_batch& b, std::size_t i) { return b.columns[3]->ints()[i] > 1; });
  p.sort_input = {number_column()};
  p.sort = {{0, true, false}};
  CHECK(answer(p) == texts{"null|5", "b|4", "b|3", "a|2"});
  p.offset = 1;
  p.limit = 2;
  CHECK(answer(p) == texts{"b|4", "b|3"});
  p.offset = 100;
  CHECK(answer(p).empty());
  p.offset = 0;
  p.limit = 0;
  CHECK(answer(p).empty());
}

TEST_CASE("nulls sort where the plan says, NaN above numbers, and later keys break ties") {
  auto p = plain();
  p.sort_input = {value_column(), image_column(), number_column()};
  p.sort = {{0, false, false}};
  CHECK(answer(p) == texts{"a|2", "b|4", "b|3", "null|5", "a|1", "c|1"});
  p.sort = {{0, true, true}};
  CHECK(answer(p) == texts{"c|1", "a|1", "null|5", "b|3", "b|4", "a|2"});
  p.sort = {{1, false, true}, {2, true, false}};
  CHECK(answer(p) == texts{"null|5", "a|2", "a|1", "b|4", "b|3", "c|1"});
}

TEST_CASE("a grouped query groups, filters groups and sorts them") {
  auto p = grouped();
  p.sort_input = {col(1, data_type::bigint)};
  p.sort = {{0, true, false}};
  CHECK(answer(p) == texts{"b|7", "null|5", "a|3", "c|1"});
  p.having = predicate([](const record_batch& b, std::size_t i) { return b.columns[1]->ints()[i] > 3; });
  CHECK(answer(p) == texts{"b|7", "null|5"});
}

TEST_CASE("aggregates without GROUP BY answer one row, even of nothing") {
  auto p = grouped();
  p.keys.clear();
  p.aggregates = {call(aggregate_kind::count_rows), call(aggregate_kind::sum, number_column())};
  p.group_columns = p.output_columns = make_schema({{"n", data_type::bigint}, {"sum", data_type::bigint}});
  p.output = {col(0, data_type::bigint), col(1, data_type::bigint)};
  CHECK(answer(p) == texts{"6|16"});
  CHECK(answer(p, make_batch({}).rows) == texts{"0|null"});
}

TEST_CASE("an expression that fails, or too many groups, fails the query") {
  auto p = plain();
  p.output[1] = std::make_shared<row_function>(
      data_type::bigint, [](const record_batch&, std::size_t, column&) { return std::string("division by zero"); });
  const auto failed = run_pull_query(p, view_rows());
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code == errc::invalid_argument);
  CHECK(failed.error().message == "query over seen: division by zero");
  const auto over = run_pull_query(grouped(), view_rows(), {.groups = 2});
  REQUIRE_FALSE(over);
  CHECK(over.error().code == errc::limit_exceeded);
}

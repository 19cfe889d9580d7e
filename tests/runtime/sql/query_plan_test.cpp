#include "tests/runtime/sql/sql_fixture.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

pull_plan query_of(std::string_view sql) {
  static const catalog names = catalog_of(words_catalog);
  auto planned = plan_query(sql, names);
  if (!planned) FAIL(planned.error().text());
  return *planned;
}

}  // namespace

TEST_CASE("a query filters, sorts and limits the rows of a view") {
  const auto plan = query_of(
      "SELECT k, c * 2 AS twice FROM u WHERE c > 1 ORDER BY twice DESC, k NULLS FIRST, 1, c + s LIMIT 10 OFFSET 3;");
  CHECK(plan.view == "u");
  CHECK(plan.input_columns->fields.size() == 3);
  CHECK(plan.where != nullptr);
  CHECK_FALSE(plan.grouped);
  REQUIRE(plan.sort.size() == 4);
  CHECK(plan.sort[0].descending);
  CHECK(plan.sort[0].nulls_first);
  CHECK(plan.sort[1].nulls_first);
  CHECK_FALSE(plan.sort[2].nulls_first);
  CHECK(plan.sort_input[2]->input_column() == 0);
  CHECK(plan.limit == 10);
  CHECK(plan.offset == 3);
  CHECK(plan.output_columns->fields[1].name == "twice");
}

TEST_CASE("a query's groups are over all columns of the view") {
  const auto plan =
      query_of("SELECT k, sum(s) AS total FROM w GROUP BY k HAVING count(*) > 1 ORDER BY sum(s) DESC LIMIT ALL");
  CHECK(plan.grouped);
  CHECK(plan.input_columns->fields.size() == 4);
  CHECK(plan.keys[0]->input_column() == 1);
  CHECK(plan.aggregates.size() == 2);
  CHECK(plan.group_columns->fields.size() == 3);
  CHECK(plan.sort_input[0]->input_column() == 1);
  CHECK_FALSE(plan.limit.has_value());
}

TEST_CASE("a query without groups can aggregate all rows, or make them distinct") {
  CHECK(query_of("SELECT count(*), max(c) FROM u").keys.empty());
  CHECK(query_of("SELECT DISTINCT c FROM u ORDER BY c").keys.size() == 1);
  CHECK(query_of("SELECT * FROM w").output.size() == 4);
}

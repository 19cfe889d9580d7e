#include <random>

#include "tests/runtime/sql/sql_fixture.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

const catalog& names() {
  static const catalog out = catalog_of(words_catalog);
  return out;
}

view_plan projection(std::string_view expression) {
  return view_of(fmt::format("CREATE MATERIALIZED VIEW e AS SELECT {} AS y FROM t", expression), names());
}

using columns = std::map<std::string, column_ptr>;

record_batch rows_for(const view_plan& plan, const columns& all, std::size_t rows) {
  record_batch out{plan.input_columns, {}, rows};
  for (const auto& f : plan.input_columns->fields) out.columns.push_back(all.at(f.name));
  return out;
}

struct answers {
  std::vector<std::string> values;
  std::vector<row_error> errors;
};

answers evaluate(std::string_view expression, const columns& all, std::size_t rows) {
  const auto plan = projection(expression);
  answers out;
  const auto values = plan.output[0]->evaluate(rows_for(plan, all, rows), out.errors);
  REQUIRE(values->size() == rows);
  for (std::size_t i = 0; i < rows; ++i) out.values.push_back(shown(*values, i));
  return out;
}

using texts = std::vector<std::string>;

}  // namespace

TEST_CASE("AND, OR and NOT are three-valued for every pair of values") {
  const texts a{"true", "true", "true", "false", "false", "false", "NULL", "NULL", "NULL"};
  const texts b{"1", "0", "NULL", "1", "0", "NULL", "1", "0", "NULL"};
  const columns in{{"b", column_of(data_type::boolean, a)}, {"n", column_of(data_type::bigint, b)}};
  CHECK(evaluate("b AND n = 1", in, 9).values ==
        texts{"true", "false", "NULL", "false", "false", "false", "NULL", "false", "NULL"});
  CHECK(evaluate("b OR n = 1", in, 9).values ==
        texts{"true", "true", "true", "true", "false", "NULL", "true", "NULL", "NULL"});
  CHECK(evaluate("NOT b", in, 9).values ==
        texts{"false", "false", "false", "true", "true", "true", "NULL", "NULL", "NULL"});
}

TEST_CASE("a row that fails is null, listed once, and the others answer") {
  const columns in{{"n", column_of(data_type::bigint, {"2", "0", "NULL", "5"})},
                   {"k", column_of(data_type::text, {"1", "x", "2", "y"})}};
  const auto out = evaluate("10 / n + 10 / n", in, 4);
  CHECK(out.values == texts{"10", "NULL", "NULL", "4"});
  REQUIRE(out.errors.size() == 1);
  CHECK(out.errors[0].row == 1);
  CHECK(out.errors[0].reason == "division by zero");
  const auto hidden = evaluate("coalesce(k::bigint, 7)", in, 4);
  CHECK(hidden.values == texts{"1", "NULL", "2", "NULL"});
  CHECK(hidden.errors.size() == 2);
  const auto both = evaluate("k::bigint + 1 / n", in, 4);
  CHECK(both.values == texts{"1", "NULL", "NULL", "NULL"});
  CHECK(both.errors.size() == 2);
}

TEST_CASE("a part that can fail is evaluated only for the rows that need it") {
  const columns in{{"n", column_of(data_type::bigint, {"2", "0", "NULL", "5"})},
                   {"k", column_of(data_type::text, {"1", "x", "2", "y"})}};
  const auto guarded = evaluate("CASE WHEN n = 0 THEN -1 WHEN n > 4 THEN 10 / (n - 4) ELSE 10 / n END", in, 4);
  CHECK(guarded.errors.empty());
  CHECK(guarded.values == texts{"5", "-1", "NULL", "10"});
  CHECK(evaluate("n <> 0 AND 10 / n > 3", in, 4).errors.empty());
  CHECK(evaluate("n <> 0 AND 10 / n > 3", in, 4).values == texts{"true", "false", "NULL", "false"});
  CHECK(evaluate("n = 0 OR 10 / n > 3", in, 4).values == texts{"true", "true", "NULL", "false"});
  CHECK(evaluate("coalesce(n, k::bigint)", in, 4).errors.empty());
  CHECK(evaluate("coalesce(n, k::bigint)", in, 4).values == texts{"2", "0", "2", "5"});
  CHECK(evaluate("CASE n WHEN 0 THEN 'zero' WHEN 2 THEN k END", in, 4).values == texts{"1", "zero", "NULL", "NULL"});
}

TEST_CASE("a column as it is needs no evaluation, and says so") {
  const auto plan = projection("n");
  CHECK(plan.output[0]->input_column() == 0);
  CHECK_FALSE(plan.output[0]->can_fail());
  CHECK(projection("n + 1").output[0]->can_fail());
  CHECK_FALSE(projection("n > 1").output[0]->can_fail());
  CHECK_FALSE(projection("1 + 1").output[0]->can_fail());
}

TEST_CASE("texts, times and json from columns answer row by row") {
  const columns in{{"k", column_of(data_type::text, {"a,b", "ü", "", "NULL"})},
                   {"at", column_of(data_type::timestamptz,
                                    {"2020-02-29T12:34:56Z", "1969-12-31T23:59:59Z", "NULL", "2021-01-03T00:00:00Z"})},
                   {"j", column_of(data_type::json, {R"({"a":{"b":[1,2]}})", "[1]", "NULL", R"({"a":null})"})}};
  CHECK(evaluate("split_part(k, ',', 2)", in, 4).values == texts{"b", "", "", "NULL"});
  CHECK(evaluate("k LIKE '%,%'", in, 4).values == texts{"true", "false", "false", "NULL"});
  CHECK(evaluate("k || '-' || length(k)", in, 4).values == texts{"a,b-3", "ü-1", "-0", "NULL"});
  CHECK(evaluate("concat(k, '!')", in, 4).values == texts{"a,b!", "ü!", "!", "!"});
  CHECK(evaluate("to_char(at, 'YYYY-MM-DD')", in, 4).values == texts{"2020-02-29", "1969-12-31", "NULL", "2021-01-03"});
  CHECK(evaluate("date_trunc('day', at)", in, 4).values ==
        texts{"2020-02-29T00:00:00Z", "1969-12-31T00:00:00Z", "NULL", "2021-01-03T00:00:00Z"});
  CHECK(evaluate("j -> 'a' -> 'b' ->> 1", in, 4).values == texts{"2", "NULL", "NULL", "NULL"});
  CHECK(evaluate("j ->> 'a'", in, 4).values == texts{R"({"b":[1,2]})", "NULL", "NULL", "NULL"});
  CHECK(evaluate("k IN ('a,b', 'x')", in, 4).values == texts{"true", "false", "false", "NULL"});
  CHECK(evaluate("k = ''", in, 4).values == texts{"false", "false", "true", "NULL"});
}

TEST_CASE("no function makes a time outside the years 1 to 9999, which no text could say") {
  const std::string refused = "error: timestamp out of range (years 1 to 9999)";
  CHECK(answer_of("to_timestamp(253402300799)") == "9999-12-31T23:59:59Z");
  CHECK(answer_of("to_timestamp(253402300800)") == refused);
  CHECK(answer_of("to_timestamp(-62135596800)") == "0001-01-01T00:00:00Z");
  CHECK(answer_of("to_timestamp(-62135596801)") == refused);
  CHECK(answer_of("to_timestamp('NaN'::double precision)") == refused);
  // A bin that begins before the first of all 64-bit times.
  CHECK(answer_of("date_bin(interval '9223372036854775807 us', timestamptz '0001-01-01', timestamptz '0001-01-02')") ==
        refused);
  CHECK(answer_of("date_bin(interval '3 days', timestamptz '0001-01-01', timestamptz '9999-12-31')") == refused);
}

TEST_CASE("date_trunc makes an interval shorter, as PostgreSQL does") {
  CHECK(answer_of("date_trunc('hour', interval '1 day 01:59:00')") == "1 day 01:00:00");
  CHECK(answer_of("date_trunc('hour', interval '-01:59:00')") == "-01:00:00");
  CHECK(answer_of("date_trunc('day', interval '-9223372036854775807 us' - interval '1 us')") == "-106751991 days");
}

// Expressions over columns for the property below; a row at a time, and constants in place of columns, go other ways
// through the kernels.
constexpr std::string_view mixed[] = {"n + 1",
                                      "1 - n",
                                      "n * n",
                                      "n / 3",
                                      "10 / n",
                                      "n % 4",
                                      "-n",
                                      "x + n",
                                      "x / n",
                                      "x * 2.5",
                                      "-x",
                                      "n < 3",
                                      "x >= n",
                                      "x = x",
                                      "x <> 1.5",
                                      "k = 'a'",
                                      "k < 'b'",
                                      "k <> k",
                                      "n BETWEEN 1 AND 3",
                                      "n IN (1, 2, NULL)",
                                      "k NOT IN ('a', 'b')",
                                      "n IN (0,1,2,3,4,5,6,7,8,9)",
                                      "b AND n > 1",
                                      "b OR x > 1",
                                      "NOT b AND 5 / n > 0",
                                      "b IS NULL",
                                      "b IS NOT TRUE",
                                      "n IS DISTINCT FROM 1",
                                      "nullif(n, 2)",
                                      "greatest(n, 2)",
                                      "least(x, 1.0)",
                                      "coalesce(n, 5 / 0)",
                                      "coalesce(k, 'none')",
                                      "CASE WHEN b THEN n ELSE 6 / n END",
                                      "CASE n WHEN 1 THEN k WHEN 2 THEN 'two' END",
                                      "n::text || k",
                                      "k::bigint",
                                      "x::bigint",
                                      "n::double precision",
                                      "round(x, 1)",
                                      "sqrt(x)",
                                      "upper(k)",
                                      "left(k, 1)",
                                      "k LIKE '_'",
                                      "k LIKE k",
                                      "k ILIKE 'A%'",
                                      "k ~ '^[ab]'",
                                      "at + d",
                                      "at - at",
                                      "d * 2",
                                      "d / n",
                                      "extract(hour from at)",
                                      "date_bin('5 minutes', at, at)",
                                      "lpad(k, 3, '*')",
                                      "substring(k, n::bigint)"};

TEST_CASE("an expression answers the same for a batch, for its rows one by one, and again") {
  std::mt19937_64 random(3);
  const auto pick = [&](const texts& from) { return from[random() % from.size()]; };
  for (int round = 0; round < 20; ++round) {
    const std::size_t rows = random() % 30;
    std::map<std::string, texts> values;
    for (std::size_t i = 0; i < rows; ++i) {
      values["n"].push_back(pick({"0", "1", "2", "3", "-7", "9223372036854775807", "NULL"}));
      values["x"].push_back(pick({"0", "1.5", "-2.25", "NaN", "Infinity", "1e300", "NULL"}));
      values["k"].push_back(pick({"a", "b", "A", "", "12", "éa", "NULL"}));
      values["b"].push_back(pick({"true", "false", "NULL"}));
      values["at"].push_back(pick({"2020-02-29T12:34:56Z", "1969-12-31T23:59:59Z", "NULL"}));
      values["d"].push_back(pick({"1 day", "-5 s", "NULL"}));
    }
    const auto part = [&](std::size_t first, std::size_t count) {
      columns out;
      const std::map<std::string, data_type> types{{"n", data_type::bigint},       {"x", data_type::double_precision},
                                                   {"k", data_type::text},         {"b", data_type::boolean},
                                                   {"at", data_type::timestamptz}, {"d", data_type::interval}};
      for (const auto& [name, type] : types) {
        const auto& all = values[name];
        out[name] = column_of(
            type, texts(all.begin() + static_cast<long>(first), all.begin() + static_cast<long>(first + count)));
      }
      return out;
    };
    for (auto expression : mixed) {
      INFO(expression);
      const auto whole = evaluate(expression, part(0, rows), rows);
      std::size_t next_error = 0;
      for (std::size_t i = 0; i < rows; ++i) {
        const auto one = evaluate(expression, part(i, 1), 1);
        CHECK(one.values[0] == whole.values[i]);
        if (one.errors.empty()) continue;
        REQUIRE(next_error < whole.errors.size());
        CHECK(whole.errors[next_error].row == i);
        CHECK(whole.errors[next_error++].reason == one.errors[0].reason);
      }
      CHECK(next_error == whole.errors.size());
    }
  }
}

// What weir runs, each word with a statement that uses it.
#include <fmt/format.h>

#include "runtime/sql/word_list.hpp"

namespace weir {
namespace {

std::string projection(std::string_view expression) {
  return fmt::format("CREATE MATERIALIZED VIEW e AS SELECT k, {} AS y FROM t", expression);
}
std::string window_of(std::string_view expression) {
  return fmt::format(
      "CREATE MATERIALIZED VIEW e AS SELECT window_start, k, {} AS y FROM tumble(t, interval '10 seconds') "
      "GROUP BY window_start, k",
      expression);
}

struct word_example {
  std::string_view word;
  std::string_view example;
};

constexpr word_example statements[] = {
    {"CREATE TABLE",
     "CREATE TABLE e (k text NOT NULL, n bigint) WITH (format = 'json', lateness = '2 s', idle = '10 s')"},
    {"CREATE MATERIALIZED VIEW", "CREATE MATERIALIZED VIEW e AS SELECT k, n FROM t WHERE n > 3"},
    {"SELECT", "SELECT k, c FROM u WHERE c > 0 ORDER BY c DESC, k LIMIT 10"},
};

constexpr word_example clauses[] = {
    {"SELECT *", "CREATE MATERIALIZED VIEW e AS SELECT * FROM t"},
    {"AS", "CREATE MATERIALIZED VIEW e AS SELECT s.k AS name FROM t AS s"},
    {"WHERE", "CREATE MATERIALIZED VIEW e AS SELECT k FROM t WHERE x > 0.5"},
    {"GROUP BY", "CREATE MATERIALIZED VIEW e WITH (ttl = '7 days') AS SELECT k, count(*) AS c FROM t GROUP BY k"},
    {"HAVING",
     "CREATE MATERIALIZED VIEW e WITH (max_rows = 100) AS SELECT k, count(*) AS c FROM t GROUP BY k HAVING count(*) > "
     "1"},
    {"DISTINCT", "CREATE MATERIALIZED VIEW e WITH (max_rows = 100) AS SELECT DISTINCT k, n FROM t"},
    {"FILTER",
     "CREATE MATERIALIZED VIEW e WITH (max_rows = 100) AS SELECT k, count(*) FILTER (WHERE b) AS c FROM t GROUP BY k"},
    {"ORDER BY", "SELECT k, c FROM u ORDER BY c DESC NULLS LAST, k"},
    {"LIMIT", "SELECT k FROM u ORDER BY k LIMIT 3"},
    {"OFFSET", "SELECT k FROM u ORDER BY k LIMIT 3 OFFSET 1"},
    {"source", "CREATE MATERIALIZED VIEW e AS SELECT source, k FROM t"},
    {"event_time", "CREATE MATERIALIZED VIEW e AS SELECT event_time, k FROM t"},
    {"view over a view", "CREATE MATERIALIZED VIEW e AS SELECT k, c FROM w WHERE c > 1"},
    {"window over a windowed view",
     "CREATE MATERIALIZED VIEW e AS SELECT window_start, sum(c) AS y FROM tumble(w, interval '1 minute') GROUP BY "
     "window_start"},
    {"running table over an upsert view",
     "CREATE MATERIALIZED VIEW e WITH (max_rows = 100) AS SELECT c, count(*) AS y FROM u GROUP BY c"},
};

constexpr word_example windows[] = {
    {"tumble",
     "CREATE MATERIALIZED VIEW e AS SELECT window_start, count(*) AS y FROM tumble(t, interval '10 seconds') GROUP BY "
     "window_start"},
    {"session",
     "CREATE MATERIALIZED VIEW e AS SELECT window_start, window_end, k, count(*) AS y "
     "FROM session(t, interval '3 seconds') GROUP BY window_start, window_end, k"},
    {"window_start",
     "CREATE MATERIALIZED VIEW e AS SELECT window_start, count(*) AS y FROM tumble(t, interval '10 seconds', interval "
     "'1 s') GROUP BY window_start"},
    {"window_end",
     "CREATE MATERIALIZED VIEW e AS SELECT window_end, count(*) AS y FROM tumble(t, at, interval '10 seconds') GROUP "
     "BY window_end"},
};

constexpr word_example aggregates[] = {
    {"count", "count(*)"},
    {"count(x)", "count(x)"},
    {"count(DISTINCT x)", "count(DISTINCT n)"},
    {"sum", "sum(n)"},
    {"sum(DISTINCT x)", "sum(DISTINCT n)"},
    {"avg", "avg(x)"},
    {"avg(DISTINCT x)", "avg(DISTINCT x)"},
    {"min", "min(x)"},
    {"max", "max(at)"},
    {"stddev", "stddev(x)"},
    {"stddev_samp", "stddev_samp(x)"},
    {"variance", "variance(x)"},
    {"var_samp", "var_samp(n)"},
    {"first", "first(x)"},
    {"last", "last(x)"},
};

constexpr word_example operators[] = {
    {"+", "n + 1"},
    {"-", "x - 0.5"},
    {"*", "n * 2"},
    {"/", "x / 2"},
    {"%", "n % 3"},
    {"=", "k = 'a'"},
    {"<>", "k <> 'a'"},
    {"<", "n < 3"},
    {"<=", "n <= 3"},
    {">", "x > 0.5"},
    {">=", "x >= 0.5"},
    {"AND", "b AND n > 1"},
    {"OR", "b OR n > 1"},
    {"NOT", "NOT b"},
    {"IS NULL", "x IS NULL"},
    {"IS NOT NULL", "x IS NOT NULL"},
    {"IS TRUE", "b IS TRUE"},
    {"IS NOT FALSE", "b IS NOT FALSE"},
    {"IS UNKNOWN", "b IS UNKNOWN"},
    {"IS DISTINCT FROM", "n IS DISTINCT FROM 3"},
    {"IS NOT DISTINCT FROM", "n IS NOT DISTINCT FROM 3"},
    {"BETWEEN", "n BETWEEN 1 AND 3"},
    {"NOT BETWEEN", "n NOT BETWEEN 1 AND 3"},
    {"IN", "k IN ('a', 'b')"},
    {"NOT IN", "k NOT IN ('a', 'b')"},
    {"LIKE", "k LIKE 'a%'"},
    {"NOT LIKE", "k NOT LIKE '%a_'"},
    {"ILIKE", "k ILIKE 'A%'"},
    {"ESCAPE", "k LIKE '10!%' ESCAPE '!'"},
    {"~", "k ~ '^a+$'"},
    {"~*", "k ~* '^A+$'"},
    {"!~", "k !~ 'z'"},
    {"!~*", "k !~* 'Z'"},
    {"||", "k || '-' || n"},
    {"->", "j -> 'a' -> 0"},
    {"->>", "j ->> 'a'"},
    {"CASE", "CASE WHEN n > 1 THEN 'many' ELSE 'few' END"},
    {"CASE x", "CASE n WHEN 1 THEN 'one' WHEN 2 THEN 'two' END"},
    {"CAST", "CAST(n AS text)"},
    {"::", "n::double precision"},
};

constexpr word_example scalars[] = {
    {"coalesce", "coalesce(x, 0)"},
    {"nullif", "nullif(n, 0)"},
    {"greatest", "greatest(n, 1)"},
    {"least", "least(x, 1)"},
    {"abs", "abs(n)"},
    {"ceil", "ceil(x)"},
    {"ceiling", "ceiling(x)"},
    {"floor", "floor(x)"},
    {"round", "round(x)"},
    {"round(x, n)", "round(x, 2)"},
    {"trunc", "trunc(x)"},
    {"trunc(x, n)", "trunc(x, 2)"},
    {"sqrt", "sqrt(abs(x))"},
    {"power", "power(x, 2)"},
    {"pow", "pow(x, 2)"},
    {"exp", "exp(x / 1000)"},
    {"ln", "ln(abs(x) + 1)"},
    {"log", "log(abs(x) + 1)"},
    {"log10", "log10(abs(x) + 1)"},
    {"log(b, x)", "log(2, abs(x) + 1)"},
    {"mod", "mod(n, 3)"},
    {"sign", "sign(x)"},
    {"lower", "lower(k)"},
    {"upper", "upper(k)"},
    {"initcap", "initcap(k)"},
    {"reverse", "reverse(k)"},
    {"length", "length(k)"},
    {"char_length", "char_length(k)"},
    {"character_length", "character_length(k)"},
    {"octet_length", "octet_length(raw)"},
    {"substring", "substring(k from 2 for 3)"},
    {"substr", "substr(k, 2)"},
    {"left", "left(k, 2)"},
    {"right", "right(k, 2)"},
    {"split_part", "split_part(k, ',', 1)"},
    {"trim", "trim(both 'x' from k)"},
    {"btrim", "btrim(k)"},
    {"ltrim", "ltrim(k)"},
    {"rtrim", "rtrim(k)"},
    {"replace", "replace(k, 'a', 'b')"},
    {"position", "position('a' in k)"},
    {"strpos", "strpos(k, 'a')"},
    {"starts_with", "starts_with(k, 'a')"},
    {"ends_with", "ends_with(k, 'a')"},
    {"repeat", "repeat(k, 2)"},
    {"concat", "concat(k, n, x)"},
    {"lpad", "lpad(k, 8, '0')"},
    {"rpad", "rpad(k, 8)"},
    {"to_char", "to_char(at, 'YYYY-MM-DD HH24:MI:SS')"},
    {"date_trunc", "date_trunc('hour', at)"},
    {"date_bin", "date_bin('15 minutes', at, timestamptz '2020-01-01')"},
    {"extract", "extract(hour from at)"},
    {"date_part", "date_part('epoch', d)"},
    {"to_timestamp", "to_timestamp(n)"},
    {"json_typeof", "json_typeof(j)"},
    {"jsonb_typeof", "jsonb_typeof(j -> 'a')"},
};

constexpr word_example types[] = {
    {"text", "text"},
    {"varchar", "varchar"},
    {"boolean", "boolean"},
    {"smallint", "smallint"},
    {"integer", "integer"},
    {"bigint", "bigint"},
    {"real", "real"},
    {"double precision", "double precision"},
    {"timestamptz", "timestamptz"},
    {"timestamp with time zone", "timestamp with time zone"},
    {"interval", "interval"},
    {"json", "json"},
    {"jsonb", "jsonb"},
    {"bytea", "bytea"},
};

constexpr word_example options[] = {
    {"format", "CREATE TABLE e (k text) WITH (format = 'json')"},
    {"option event_time", "CREATE TABLE e (at timestamptz) WITH (format = 'json', event_time = 'at')"},
    {"event_time_unit", "CREATE TABLE e (at bigint) WITH (format = 'json', event_time = 'at', event_time_unit = 'ms')"},
    {"lateness", "CREATE TABLE e (k text) WITH (format = 'json', lateness = '2 s')"},
    {"idle", "CREATE TABLE e (k text) WITH (format = 'json', idle = '10 s')"},
    {"max_future", "CREATE TABLE e (k text) WITH (format = 'json', max_future = '1 hour')"},
    {"retention", "CREATE TABLE e (k text) WITH (format = 'json', retention = '30 days')"},
    {"delimiter", "CREATE TABLE e (k text) WITH (format = 'csv', delimiter = ';')"},
    {"timestamps", "CREATE TABLE e (at timestamptz) WITH (format = 'json', timestamps = 'ms')"},
    {"emit",
     "CREATE MATERIALIZED VIEW e WITH (emit = 'changes') AS SELECT window_start, count(*) AS y "
     "FROM tumble(t, interval '10 seconds') GROUP BY window_start"},
    {"ttl", "CREATE MATERIALIZED VIEW e WITH (ttl = '7 days') AS SELECT k, count(*) AS c FROM t GROUP BY k"},
    {"max_rows", "CREATE MATERIALIZED VIEW e WITH (max_rows = 1000) AS SELECT k, count(*) AS c FROM t GROUP BY k"},
};

template <std::size_t N, class MakeExample>
void add(std::vector<sql_word>& out, word_kind kind, const word_example (&words)[N], MakeExample make_example) {
  for (const auto& w : words) out.push_back({std::string(w.word), kind, make_example(w.example), true, {}, {}});
}

}  // namespace

void add_running_words(std::vector<sql_word>& out) {
  const auto as_it_is = [](std::string_view example) { return std::string(example); };
  add(out, word_kind::statements, statements, as_it_is);
  add(out, word_kind::clauses, clauses, as_it_is);
  add(out, word_kind::windows, windows, as_it_is);
  add(out, word_kind::aggregates, aggregates, window_of);
  add(out, word_kind::functions, scalars, projection);
  add(out, word_kind::operators, operators, projection);
  add(out, word_kind::types, types,
      [](std::string_view type) { return fmt::format("CREATE TABLE e (c {}) WITH (format = 'json')", type); });
  add(out, word_kind::options, options, as_it_is);
}

}  // namespace weir

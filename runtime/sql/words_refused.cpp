// What weir does not run: why, and what to write instead.
#include <fmt/format.h>

#include "runtime/sql/word_list.hpp"

namespace weir {
namespace {

class refusals {
 public:
  explicit refusals(std::vector<sql_word>& out) : out_(out) {}

  void statement(std::string word, std::string example, std::string reason, std::string instead) {
    add(std::move(word), word_kind::statements, std::move(example), std::move(reason), std::move(instead));
  }
  void clause(std::string word, std::string example, std::string reason, std::string instead) {
    add(std::move(word), word_kind::clauses, std::move(example), std::move(reason), std::move(instead));
  }
  void window(std::string word, std::string example, std::string reason, std::string instead) {
    add(std::move(word), word_kind::windows, std::move(example), std::move(reason), std::move(instead));
  }
  void type(std::string word, std::string reason, std::string instead) {
    auto example = fmt::format("CREATE TABLE e (c {}) WITH (format = 'json')", word);
    add(std::move(word), word_kind::types, std::move(example), std::move(reason), std::move(instead));
  }
  // An expression in a view's output.
  void scalar(std::string word, std::string_view expression, std::string reason, std::string instead,
              word_kind kind = word_kind::functions) {
    auto example = fmt::format("CREATE MATERIALIZED VIEW e AS SELECT k, {} AS y FROM t", expression);
    add(std::move(word), kind, std::move(example), std::move(reason), std::move(instead));
  }
  void aggregate(std::string word, std::string_view expression, std::string reason, std::string instead) {
    auto example = fmt::format(
        "CREATE MATERIALIZED VIEW e AS SELECT window_start, {} AS y FROM tumble(t, interval '10 seconds') GROUP BY "
        "window_start",
        expression);
    add(std::move(word), word_kind::aggregates, std::move(example), std::move(reason), std::move(instead));
  }

 private:
  void add(std::string word, word_kind kind, std::string example, std::string reason, std::string instead) {
    out_.push_back({std::move(word), kind, std::move(example), false, std::move(reason), std::move(instead)});
  }
  std::vector<sql_word>& out_;
};

void add_statements(refusals out) {
  out.statement("create or replace", "CREATE OR REPLACE MATERIALIZED VIEW v AS SELECT k FROM t",
                "CREATE OR REPLACE is not supported",
                "write CREATE MATERIALIZED VIEW and apply the file with: weir apply --replace");
  out.statement("create source", "CREATE SOURCE s (k text)",
                "CREATE SOURCE is not SQL here: sources are made by CLI, REST and config",
                "declare the stream with CREATE TABLE name (columns) WITH (format = '...'), then: weir source add");
  out.statement("create sink", "CREATE SINK s FROM v",
                "CREATE SINK is not SQL here: sinks are made by CLI, REST and config",
                "make a view, then: weir sink add");
  out.statement("insert", "INSERT INTO t (k) VALUES ('a')", "INSERT is not supported: records come in through sources",
                "POST the record to the stream, or: weir source add");
  out.statement("update", "UPDATE t SET k = 'a'",
                "UPDATE is not supported: records do not change once they are in the log",
                "send a new record; a running table (GROUP BY) keeps the newest of a key with last(x)");
  out.statement("delete", "DELETE FROM t", "DELETE is not supported: records leave by the stream's retention",
                "choose rows with WHERE in a view");
  out.statement("merge", "MERGE INTO u USING t ON u.k = t.k WHEN MATCHED THEN DELETE", "MERGE is not supported",
                "write a running table: CREATE MATERIALIZED VIEW ... GROUP BY");
  out.statement("drop", "DROP MATERIALIZED VIEW v", "DROP is not SQL here", "remove a pipeline with: weir drop");
  out.statement("alter", "ALTER TABLE t ADD COLUMN y text", "ALTER is not supported",
                "change the file and apply it with: weir apply --replace");
  out.statement("create index", "CREATE INDEX ON u (c)",
                "indexes are not supported: a view's table is ordered by its key",
                "make a view that is grouped by what you search for");
  out.statement("create view", "CREATE VIEW e AS SELECT k FROM t", "plain views are not supported",
                "write CREATE MATERIALIZED VIEW");
  out.statement("create table as", "CREATE TABLE e AS SELECT k FROM t", "CREATE TABLE ... AS is not supported",
                "write CREATE MATERIALIZED VIEW ... AS");
  out.statement("create function", "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
                "functions cannot be created", "write the expression in the view");
  out.statement("create schema", "CREATE SCHEMA s", "there are no schemas", "give streams and views distinct names");
  out.statement("copy", "COPY t FROM STDIN", "COPY is not supported: records come in through sources",
                "read files with a file source: weir source add");
  out.statement("truncate", "TRUNCATE t", "TRUNCATE is not supported", "rebuild views with: weir reset");
  out.statement("begin", "BEGIN", "there are no transactions in SQL: each epoch commits as a whole", "leave it out");
  out.statement("explain", "EXPLAIN SELECT k FROM u", "EXPLAIN is not supported", "see: weir pipeline show");
  out.statement("set", "SET timezone = 'UTC'", "SET is not supported: times are UTC, settings are in config.toml",
                "leave it out");
  out.statement("show", "SHOW timezone", "SHOW is not supported", "see: weir config show");
  out.statement("refresh materialized view", "REFRESH MATERIALIZED VIEW v", "views are always fresh", "leave it out");
}

void add_clauses(refusals out) {
  out.clause("if not exists", "CREATE TABLE IF NOT EXISTS e (k text) WITH (format = 'json')",
             "IF NOT EXISTS is not supported", "leave it out: applying the same file again changes nothing");
  out.clause("temporary table", "CREATE TEMPORARY TABLE e (k text) WITH (format = 'json')",
             "TEMPORARY and UNLOGGED are not supported: every stream is in the log", "leave the word out");
  out.clause("partition by", "CREATE TABLE e (k text) PARTITION BY RANGE (k) WITH (format = 'json')",
             "PARTITION BY is not supported", "leave it out: streams are partitioned by source");
  out.clause("inherits", "CREATE TABLE e (y text) INHERITS (t) WITH (format = 'json')", "INHERITS is not supported",
             "name the columns");
  out.clause("like table", "CREATE TABLE e (LIKE t) WITH (format = 'json')", "LIKE is not supported here",
             "name the columns");
  out.clause("constraint", "CREATE TABLE e (k text PRIMARY KEY) WITH (format = 'json')",
             "constraints other than NOT NULL are not supported", "leave it out; choose rows with WHERE in a view");
  out.clause("default", "CREATE TABLE e (k text DEFAULT 'a') WITH (format = 'json')", "DEFAULT is not supported",
             "write coalesce(column, value) in the view");
  out.clause("collate", "CREATE MATERIALIZED VIEW e AS SELECT k COLLATE \"C\" AS y FROM t",
             "COLLATE is not supported: texts compare by their bytes", "leave it out");
  out.clause("column aliases", "CREATE MATERIALIZED VIEW e (y) AS SELECT k FROM t",
             "a list of column names is not supported here", "write AS name behind each column of SELECT");
  out.clause("schema", "CREATE MATERIALIZED VIEW e AS SELECT s.t.k FROM t", "there are no schemas",
             "write the name alone");
  out.clause("union", "CREATE MATERIALIZED VIEW e AS SELECT k FROM t UNION ALL SELECT k FROM v", "UNION is not built",
             "write one view for each input");
  out.clause("except", "CREATE MATERIALIZED VIEW e AS SELECT k FROM t EXCEPT SELECT k FROM v", "EXCEPT is not built",
             "choose rows with WHERE");
  out.clause("intersect", "CREATE MATERIALIZED VIEW e AS SELECT k FROM t INTERSECT SELECT k FROM v",
             "INTERSECT is not built", "choose rows with WHERE");
  out.clause("with", "CREATE MATERIALIZED VIEW e AS WITH q AS (SELECT k FROM t) SELECT k FROM q",
             "WITH queries are not built", "make the inner query a view of its own: views read views");
  out.clause("subquery", "CREATE MATERIALIZED VIEW e AS SELECT k FROM (SELECT k FROM t) q", "subqueries are not built",
             "make the inner query a view of its own: views read views");
  out.clause("values", "VALUES (1, 2)", "VALUES is not supported", "write SELECT ... FROM a view");
  out.clause("into", "SELECT k INTO e FROM u", "SELECT INTO is not supported",
             "write CREATE MATERIALIZED VIEW ... AS SELECT");
  out.clause("for update", "SELECT k FROM u FOR UPDATE", "FOR UPDATE is not supported: queries change nothing",
             "leave it out");
  out.clause("with ties", "SELECT k FROM u ORDER BY c FETCH FIRST 3 ROWS WITH TIES", "WITH TIES is not supported",
             "write LIMIT 3");
  out.clause("over", "CREATE MATERIALIZED VIEW e AS SELECT k, count(*) OVER (PARTITION BY k) AS y FROM t",
             "window functions with OVER are not built", "group: GROUP BY with tumble or session, or a running table");
  out.clause("distinct on", "CREATE MATERIALIZED VIEW e AS SELECT DISTINCT ON (k) k, n FROM t",
             "DISTINCT ON is not built", "write GROUP BY with first(x) or last(x)");
  out.clause("grouping sets",
             "CREATE MATERIALIZED VIEW e AS SELECT k, count(*) FROM t GROUP BY GROUPING SETS ((k), ())",
             "GROUPING SETS, CUBE and ROLLUP are not built", "write one view for each grouping");
  out.clause("lateral", "CREATE MATERIALIZED VIEW e AS SELECT k FROM t, LATERAL (SELECT 1) q", "LATERAL is not built",
             "make the inner query a view of its own");
  out.clause("join", "CREATE MATERIALIZED VIEW e AS SELECT t.k FROM t JOIN u ON t.k = u.k",
             "joins are not built: neither lookups in sources and keyed tables nor windowed joins of streams",
             "read one stream or view; send the attributes with the records");
  out.clause("tablesample", "CREATE MATERIALIZED VIEW e AS SELECT k FROM t TABLESAMPLE BERNOULLI (1)",
             "TABLESAMPLE is not supported: replay must give the same answer", "choose rows with WHERE");
  out.clause("only", "CREATE MATERIALIZED VIEW e AS SELECT k FROM ONLY t", "ONLY is not supported", "leave it out");
  out.clause("top-k", "CREATE MATERIALIZED VIEW e AS SELECT k, n FROM t ORDER BY n DESC LIMIT 3",
             "ORDER BY, LIMIT and OFFSET in a view (top-k) are not built",
             "order in the query over the view: SELECT ... FROM view ORDER BY ... LIMIT ...");
  out.clause("within group",
             "CREATE MATERIALIZED VIEW e AS SELECT window_start, count(*) WITHIN GROUP (ORDER BY x) AS y "
             "FROM tumble(t, interval '10 seconds') GROUP BY window_start",
             "ordered-set aggregates are not built", "write min, max, avg or stddev");
  out.clause("aggregate order by",
             "CREATE MATERIALIZED VIEW e AS SELECT window_start, first(x ORDER BY n) AS y "
             "FROM tumble(t, interval '10 seconds') GROUP BY window_start",
             "ORDER BY inside an aggregate is not built", "first and last are in the order of event time");
}

void add_functions(refusals out) {
  out.window("hop",
             "CREATE MATERIALIZED VIEW e AS SELECT window_start, count(*) FROM hop(t, interval '1 s', interval '5 s') "
             "GROUP BY window_start",
             "hop windows are not built", "write tumble with the smaller step, and a view over it");
  const std::string quantile = "quantiles are not built";
  const std::string no_quantile = "write min, max, avg and stddev, or count(*) FILTER (WHERE x > limit)";
  out.aggregate("percentile_cont", "percentile_cont(0.5) WITHIN GROUP (ORDER BY x)", quantile, no_quantile);
  out.aggregate("percentile_disc", "percentile_disc(0.5) WITHIN GROUP (ORDER BY x)", quantile, no_quantile);
  out.aggregate("approx_percentile", "approx_percentile(x, 0.5)", quantile, no_quantile);
  out.aggregate("mode", "mode() WITHIN GROUP (ORDER BY k)", "mode is not built", "group by the value and count");
  out.aggregate("approx_count_distinct", "approx_count_distinct(k)", "approx_count_distinct is not built",
                "write count(DISTINCT x)");
  const std::string list = "aggregates that keep every value are not built";
  out.aggregate("string_agg", "string_agg(k, ',')", list, "write first, last, min or max");
  out.aggregate("array_agg", "array_agg(k)", list, "write first, last, min or max");
  out.aggregate("json_agg", "json_agg(k)", list, "write first, last, min or max");
  out.aggregate("jsonb_agg", "jsonb_agg(k)", list, "write first, last, min or max");
  out.aggregate("bool_and", "bool_and(b)", "bool_and is not built", "write count(*) FILTER (WHERE NOT b) = 0");
  out.aggregate("bool_or", "bool_or(b)", "bool_or is not built", "write count(*) FILTER (WHERE b) > 0");
  out.aggregate("every", "every(b)", "every is not built", "write count(*) FILTER (WHERE NOT b) = 0");
  out.aggregate("stddev_pop", "stddev_pop(x)", "stddev_pop is not built", "write stddev(x), of the sample");
  out.aggregate("var_pop", "var_pop(x)", "var_pop is not built", "write variance(x), of the sample");
  out.aggregate("corr", "corr(x, x)", "corr is not built",
                "write avg(x * y), avg(x), avg(y) and combine them in a view over it");
  const std::string clock = "replay must give the same answer, and the clock would not";
  const std::string no_clock = "write event_time, or the column that holds the time";
  out.scalar("now", "now()", clock, no_clock);
  out.scalar("current_timestamp", "current_timestamp", clock, no_clock);
  out.scalar("localtimestamp", "localtimestamp", clock, no_clock);
  out.scalar("current_date", "current_date", clock, no_clock);
  out.scalar("current_time", "current_time", clock, no_clock);
  out.scalar("localtime", "localtime", clock, no_clock);
  out.scalar("clock_timestamp", "clock_timestamp()", clock, no_clock);
  out.scalar("statement_timestamp", "statement_timestamp()", clock, no_clock);
  out.scalar("transaction_timestamp", "transaction_timestamp()", clock, no_clock);
  out.scalar("timeofday", "timeofday()", clock, no_clock);
  out.scalar("age", "age(at)", clock, "subtract two times: event_time - at");
  const std::string dice = "replay must give the same answer, and random numbers would not";
  out.scalar("random", "random()", dice, "choose by a column, such as n % 10 = 0");
  out.scalar("gen_random_uuid", "gen_random_uuid()", dice, "records keep their source and sequence");
  const std::string who = "results do not depend on who asks";
  for (const auto* word : {"current_user", "session_user", "current_role", "user", "current_catalog", "current_schema"})
    out.scalar(word, word, who, "leave it out");
  out.scalar("predict", "predict('m', k)", "models in SQL are not built",
             "write the model's answer into the records, or call it behind a sink");
  out.scalar("ifcb_features", "ifcb_features(raw, x)", "image features are not built",
             "send the features with the records");
  out.scalar("carbon_pg", "carbon_pg(x, k)", "carbon_pg is not built",
             "write the formula: exp(ln(10) * (a + b * log(volume)))");
  out.scalar("timezone", "at AT TIME ZONE 'UTC'", "AT TIME ZONE is not supported: times are UTC",
             "leave it out, or add an interval");
  out.scalar("overlay", "overlay(k placing 'x' from 1)", "overlay is not built",
             "write left(t, n) || x || substring(t, m)");
  out.scalar("regexp_replace", "regexp_replace(k, 'a', 'b')", "regexp_replace is not built",
             "write replace, or CASE with ~");
  out.scalar("regexp_match", "regexp_match(k, 'a')", "regexp_match is not built", "write ~, split_part or substring");
  out.scalar("to_number", "to_number(k, '999')", "to_number is not built", "write a cast: k::double precision");
  out.scalar("to_date", "to_date(k, 'YYYY')", "to_date is not built", "write a cast: k::timestamptz");
  out.scalar("array", "ARRAY[1, 2]", "arrays are not supported", "write several columns, or json",
             word_kind::operators);
  out.scalar("row", "(k, n)", "rows as values are not supported", "write the columns one by one", word_kind::operators);
  out.scalar("subscript", "k[1]", "subscripts are not supported", "write -> for json, substring for text",
             word_kind::operators);
  out.scalar("any", "k = ANY (ARRAY['a'])", "ANY and ALL are not supported", "write IN ('a', 'b')",
             word_kind::operators);
  out.scalar("similar to", "k SIMILAR TO 'a%'", "SIMILAR TO is not supported", "write LIKE or ~", word_kind::operators);
  out.scalar("bit string", "B'01'", "bit strings are not supported", "write a number or a text", word_kind::operators);
  out.scalar("parameter", "$1", "parameters are not supported", "write the value itself", word_kind::operators);
}

void add_types(refusals out) {
  out.type("numeric", "type numeric is not supported", "write double precision, or bigint in the smallest unit");
  out.type("decimal(10, 2)", "type numeric is not supported", "write double precision, or bigint in the smallest unit");
  out.type("timestamp", "type timestamp without time zone is not supported",
           "write timestamptz; a text without a zone is read as UTC");
  out.type("date", "type date is not supported", "write timestamptz, and date_trunc('day', t) for its day");
  out.type("time", "type time is not supported", "write timestamptz, or interval for a time of day");
  out.type("uuid", "type uuid is not supported", "write text");
  out.type("char(3)", "type char is not supported", "write text");
  out.type("varchar(3)", "varchar with a length or precision is not supported", "write text");
  out.type("bigint[]", "arrays are not supported", "write json, and -> to reach an element");
  out.type("interval day", "interval with a field or a precision is not supported",
           "write the unit in the text: interval '5 hours'");
}

}  // namespace

void add_refused_words(std::vector<sql_word>& out) {
  add_statements(refusals(out));
  add_clauses(refusals(out));
  add_functions(refusals(out));
  add_types(refusals(out));
}

}  // namespace weir

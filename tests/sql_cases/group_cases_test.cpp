// Groups: keys, aggregates, HAVING, running tables. Expectations are PostgreSQL's answers over the same rows; sums of
// doubles are exact, rounded once.
#include <catch2/catch.hpp>

#include "tests/sql_cases/case_runner.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

using texts = std::vector<std::string>;

// One running group per statement: a table of aggregates over everything.
std::string total(const std::string& aggregates) {
  return stream_s() + "CREATE MATERIALIZED VIEW v AS SELECT " + aggregates + " FROM s;";
}

texts with_x(std::initializer_list<const char*> values) {
  texts out;
  for (const char* v : values) out.push_back(fmt::format(R"({{"at":{},"k":"{}"}})", out.size() + 1, v));
  return out;
}

}  // namespace

TEST_CASE("every aggregate skips nulls; count(*) does not") {
  check_case({total("count(*) AS rows, count(n) AS c, sum(n) AS s, avg(n) AS a, min(n) AS least, max(n) AS most, "
                    "variance(n) AS v, var_samp(n) AS vs, stddev(n) AS d, stddev_samp(n) AS ds, first(n) AS f, "
                    "last(n) AS l"),
              {from("a", {R"({"at":1,"n":8})", R"({"at":2})", R"({"at":3,"n":3})"}), from("b", {R"({"at":4,"n":1})"})},
              {{"v",
                {R"({"rows":4,"c":3,"s":12,"a":4,"least":1,"most":8,"v":13,"vs":13,"d":3.605551275463989,)"
                 R"("ds":3.605551275463989,"f":8,"l":1})"}}}});
}

TEST_CASE("aggregates of no value are null, counts are 0; of one value there is no deviation") {
  check_case({stream_s() + R"(
CREATE MATERIALIZED VIEW v WITH (max_rows = 10) AS
  SELECT k, count(n) AS c, sum(n) AS s, avg(x) AS a, min(x) AS least, max(k) FILTER (WHERE b) AS most,
         stddev(n) AS d, variance(x) AS v
  FROM s GROUP BY k;
)",
              {from("a", {R"({"at":1,"k":"none"})", R"({"at":2,"k":"none","b":false})",
                          R"({"at":3,"k":"one","n":5,"x":-2})"})},
              {{"v",
                {R"({"k":"none","c":0,"s":null,"a":null,"least":null,"most":null,"d":null,"v":null})",
                 R"({"k":"one","c":1,"s":5,"a":-2,"least":-2,"most":null,"d":null,"v":null})"}}}});
}

TEST_CASE("minimum and maximum of texts and times") {
  check_case({total("min(k) AS k0, max(k) AS k1, min(d) AS d0, max(d) AS d1, min(n) AS n0, max(x) AS x1"),
              {from("a", {R"({"at":1,"k":"b","d":"2020-01-01T00:00:00Z","n":-9223372036854775808,"x":-1e300})",
                          R"({"at":2,"k":"Z","d":"1969-07-20T20:17:40Z","n":9223372036854775807,"x":-2e300})"}),
               from("b", {R"({"at":1,"k":"ü"})"})},
              {{"v",
                {R"({"k0":"Z","k1":"ü","d0":"1969-07-20T20:17:40Z","d1":"2020-01-01T00:00:00Z",)"
                 R"("n0":-9223372036854775808,"x1":-1e+300})"}}}});
}

TEST_CASE("FILTER takes only rows for which its condition is true") {
  check_case({total("count(*) FILTER (WHERE n > 1) AS over, sum(n) FILTER (WHERE b) AS s, "
                    "count(*) FILTER (WHERE NOT b) AS c, max(x) FILTER (WHERE k = 'z') AS nothing"),
              {from("a", {R"({"at":1,"n":1,"b":true})", R"({"at":2,"n":2})", R"({"at":3,"n":3,"b":false})",
                          R"({"at":4,"b":true,"x":1})", R"({"at":5,"n":10,"b":true})"})},
              {{"v", {R"({"over":3,"s":11,"c":1,"nothing":null})"}}}});
}

TEST_CASE("DISTINCT counts each value once, over all shards, without nulls") {
  check_case({total("count(DISTINCT k) AS k, count(DISTINCT n) AS n, sum(DISTINCT n) AS s, avg(DISTINCT x) AS a, "
                    "count(DISTINCT x) AS x"),
              {from("a", {R"({"at":1,"k":"p","n":1,"x":0.5})", R"({"at":2,"k":"q","n":1,"x":0.5})", R"({"at":3})"}),
               from("b", {R"({"at":1,"k":"p","n":2,"x":1.5})", R"({"at":2,"k":"P","n":-2,"x":0.0})"}),
               from("c", {R"({"at":1,"k":"","n":1,"x":-0.0})"})},
              {{"v", {R"({"k":4,"n":3,"s":1,"a":0.6666666666666666,"x":3})"}}}});
}

TEST_CASE("sums of doubles are exact whatever the order: huge ones cancel, tenths add up") {
  texts tenths;
  for (int i = 1; i <= 10; ++i) tenths.push_back(fmt::format(R"({{"at":{},"k":"tenths","x":0.1}})", i));
  check_case({stream_s() + R"(
CREATE MATERIALIZED VIEW v WITH (max_rows = 10) AS SELECT k, sum(x) AS s, avg(x) AS a FROM s GROUP BY k;
)",
              {from("a", {R"({"at":1,"k":"huge","x":1e16})", R"({"at":2,"k":"huge","x":1})",
                          R"({"at":3,"k":"over","x":1e308})", R"({"at":4,"k":"tiny","x":5e-324})"}),
               from("b", {R"({"at":1,"k":"over","x":1e308})", R"({"at":2,"k":"huge","x":-1e16})",
                          R"({"at":3,"k":"over","x":-1e308})", R"({"at":4,"k":"huge","x":1})"}),
               from("c", tenths)},
              {{"v",
                {R"({"k":"huge","s":2,"a":0.5})", R"({"k":"over","s":1e+308,"a":3.333333333333333e+307})",
                 R"({"k":"tenths","s":1,"a":0.1})", R"({"k":"tiny","s":5e-324,"a":5e-324})"}}}});
}

TEST_CASE("values that cancel have a mean of 0 and keep their deviation") {
  check_case({total("sum(x) AS s, avg(x) AS a, variance(x) AS v, avg(n) AS n, variance(n) AS vn"),
              {from("a", {R"({"at":1,"x":-1.5,"n":-3})", R"({"at":2,"x":2})"}),
               from("b", {R"({"at":1,"x":1.5,"n":3})", R"({"at":2,"x":-2})"})},
              {{"v", {R"({"s":0,"a":0,"v":4.166666666666667,"n":0,"vn":18})"}}}});
}

TEST_CASE("NaN is above every number and equal to itself; infinities stay, opposite ones make NaN; -0.0 is 0.0") {
  check_case({stream_s() + R"(
CREATE MATERIALIZED VIEW numbers AS SELECT at, k::double precision AS x FROM s;
CREATE MATERIALIZED VIEW total AS
  SELECT min(x) AS least, max(x) AS most, sum(x) AS s, count(DISTINCT x) AS c FROM numbers;
CREATE MATERIALIZED VIEW infinite AS
  SELECT sum(x) AS s, avg(x) AS a, max(x) AS most FROM numbers WHERE x > 0 AND x <> 'NaN'::double precision;
CREATE MATERIALIZED VIEW opposite AS SELECT sum(x) AS s FROM numbers WHERE abs(x) = 'Infinity'::double precision;
CREATE MATERIALIZED VIEW by_value WITH (max_rows = 100) AS SELECT x + 0 AS x, count(*) AS c FROM numbers GROUP BY x + 0;
)",
              {from("a", with_x({"NaN", "0.0", "1.5", "Infinity"})), from("b", with_x({"-0.0", "NaN", "-Infinity"}))},
              {{"total", {R"({"least":"-Infinity","most":"NaN","s":"NaN","c":5})"}},
               {"infinite", {R"({"s":"Infinity","a":"Infinity","most":"Infinity"})"}},
               {"opposite", {R"({"s":"NaN"})"}},
               {"by_value",
                {R"({"x":"NaN","c":2})", R"({"x":0,"c":2})", R"({"x":1.5,"c":1})", R"({"x":"Infinity","c":1})",
                 R"({"x":"-Infinity","c":1})"}}}});
}

TEST_CASE("groups are made by expressions, and null is a group of its own") {
  check_case({stream_s() + R"(
CREATE MATERIALIZED VIEW v WITH (max_rows = 100) AS
  SELECT upper(k) AS name, n % 2 AS odd, count(*) AS c, sum(n) AS s FROM s GROUP BY upper(k), n % 2;
)",
              {from("a", {R"({"at":1,"k":"x","n":1})", R"({"at":2,"k":"X","n":3})", R"({"at":3,"n":2})"}),
               from("b", {R"({"at":1,"k":"x"})", R"({"at":2,"n":4})", R"({"at":3,"k":"x","n":-1})"})},
              {{"v",
                {R"({"name":"X","odd":1,"c":2,"s":4})", R"({"name":null,"odd":0,"c":2,"s":6})",
                 R"({"name":"X","odd":null,"c":1,"s":null})", R"({"name":"X","odd":-1,"c":1,"s":-1})"}}}});
}

TEST_CASE("HAVING may use aggregates that SELECT does not, and drops a row that stops to hold") {
  check_case({stream_s() + R"(
CREATE MATERIALIZED VIEW few WITH (max_rows = 100) AS SELECT k FROM s GROUP BY k HAVING count(*) < 3;
CREATE MATERIALIZED VIEW big WITH (max_rows = 100) AS SELECT k, count(*) AS c FROM s GROUP BY k HAVING sum(n) > 5;
CREATE MATERIALIZED VIEW unknown WITH (max_rows = 100) AS SELECT k FROM s GROUP BY k HAVING max(x) > 0;
)",
              {from("a", {R"({"at":1,"k":"p","n":9})", R"({"at":2,"k":"p","n":1})", R"({"at":3,"k":"q","n":5})"}),
               from("b", {R"({"at":1,"k":"p","n":-6})", R"({"at":2,"k":"r","n":6})"})},
              {{"few", {R"({"k":"q"})", R"({"k":"r"})"}}, {"big", {R"({"k":"r","c":1})"}}, {"unknown", {}}}});
}

TEST_CASE("SELECT DISTINCT keeps one of equal rows, nulls included") {
  check_case({stream_s() + "CREATE MATERIALIZED VIEW v WITH (max_rows = 100) AS SELECT DISTINCT k, n FROM s;",
              {from("a", {R"({"at":1,"k":"p","n":1})", R"({"at":2,"k":"p","n":1})", R"({"at":3,"k":"p"})"}),
               from("b", {R"({"at":1,"k":"p","n":1})", R"({"at":2,"k":"p"})", R"({"at":3})"})},
              {{"v", {R"({"k":"p","n":1})", R"({"k":"p","n":null})", R"({"k":null,"n":null})"}}}});
}

TEST_CASE("first and last go by event time, not by arrival") {
  check_case({stream_s("10 s") + R"(
CREATE MATERIALIZED VIEW v WITH (max_rows = 100) AS SELECT k, first(n) AS f, last(n) AS l FROM s GROUP BY k;
)",
              {from("a", {R"({"at":5,"k":"p","n":5})", R"({"at":3,"k":"p","n":3})", R"({"at":4,"k":"p","n":4})"}),
               from("b", {R"({"at":9,"k":"p","n":9})", R"({"at":6,"k":"p","n":6})", R"({"at":1,"k":"q","n":1})"})},
              {{"v", {R"({"k":"p","f":3,"l":9})", R"({"k":"q","f":1,"l":1})"}}}});
}

TEST_CASE("a running table over hours of the record's own time") {
  check_case(
      {stream_s() + R"(
CREATE MATERIALIZED VIEW v WITH (ttl = '30 days') AS
  SELECT date_trunc('hour', event_time) AS hour, extract(minute from max(event_time)) AS minute, count(*) AS c
  FROM s GROUP BY date_trunc('hour', event_time);
)",
       {from("a", {R"({"at":0})", R"({"at":3599})", R"({"at":3600})"}), from("b", {R"({"at":-1})", R"({"at":60})"})},
       {{"v",
         {R"({"hour":"1970-01-01T00:00:00Z","minute":59,"c":3})", R"({"hour":"1970-01-01T01:00:00Z","minute":0,"c":1})",
          R"({"hour":"1969-12-31T23:00:00Z","minute":59,"c":1})"}}}});
}

TEST_CASE("many keys from many sources are each counted right") {
  std::vector<scripted_source> sources;
  std::map<int, std::pair<int, int>> counts;  // count and sum by key
  for (int source = 0; source < 5; ++source) {
    texts records;
    for (int i = 0; i < 60; ++i) {
      const int key = (i * (source + 3)) % 97;
      records.push_back(fmt::format(R"({{"at":{},"k":"key {}","n":{}}})", i, key, i - source));
      counts[key].first += 1;
      counts[key].second += i - source;
    }
    sources.push_back(from(fmt::format("source-{}", source), records));
  }
  texts rows;
  for (const auto& [key, c] : counts)
    rows.push_back(fmt::format(R"({{"k":"key {}","c":{},"s":{}}})", key, c.first, c.second));
  check_case({stream_s() + R"(
CREATE MATERIALIZED VIEW v WITH (max_rows = 10000) AS SELECT k, count(*) AS c, sum(n) AS s FROM s GROUP BY k;
)",
              sources,
              {{"v", rows}}});
}

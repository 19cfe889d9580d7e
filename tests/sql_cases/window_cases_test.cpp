// Windows: where they begin and end, who is late, what closes them.
#include <catch2/catch.hpp>

#include "tests/sql_cases/case_runner.hpp"

using namespace weir;
using namespace weir::testing;

TEST_CASE("a tumbling window holds its start and not its end, also before 1970") {
  check_case({stream_s() + R"(
CREATE MATERIALIZED VIEW v AS
  SELECT window_start, window_end, count(*) AS c, sum(n) AS s FROM tumble(s, interval '5 seconds')
  GROUP BY window_start, window_end;
)",
              {from("a", {R"({"at":-6,"n":1})", R"({"at":-5,"n":2})", R"({"at":-1,"n":3})", R"({"at":0,"n":4})",
                          R"({"at":4,"n":5})", R"({"at":5,"n":6})"})},
              {{"v",
                {R"({"window_start":"1969-12-31T23:59:50Z","window_end":"1969-12-31T23:59:55Z","c":1,"s":1})",
                 R"({"window_start":"1969-12-31T23:59:55Z","window_end":"1970-01-01T00:00:00Z","c":2,"s":5})",
                 R"({"window_start":"1970-01-01T00:00:00Z","window_end":"1970-01-01T00:00:05Z","c":2,"s":9})",
                 R"({"window_start":"1970-01-01T00:00:05Z","window_end":"1970-01-01T00:00:10Z","c":1,"s":6})"}}}});
}

TEST_CASE("an offset shifts where tumbling windows begin") {
  check_case(
      {stream_s() + R"(
CREATE MATERIALIZED VIEW v AS
  SELECT window_start, count(*) AS c FROM tumble(s, interval '10 seconds', interval '3 seconds') GROUP BY window_start;
CREATE MATERIALIZED VIEW back AS
  SELECT window_start, count(*) AS c FROM tumble(s, interval '10 seconds', interval '-3 seconds') GROUP BY window_start;
)",
       {from("a", {R"({"at":2})", R"({"at":3})", R"({"at":7})", R"({"at":12})", R"({"at":13})"})},
       {{"v",
         {R"({"window_start":"1969-12-31T23:59:53Z","c":1})", R"({"window_start":"1970-01-01T00:00:03Z","c":3})",
          R"({"window_start":"1970-01-01T00:00:13Z","c":1})"}},
        {"back",
         {R"({"window_start":"1969-12-31T23:59:57Z","c":2})", R"({"window_start":"1970-01-01T00:00:07Z","c":3})"}}}});
}

TEST_CASE("windows group by keys, filter before and after, and answer once over all sources") {
  check_case({stream_s() + R"(
CREATE MATERIALIZED VIEW v AS
  SELECT window_start, k, count(*) AS seen, max(x) AS best FROM tumble(s, interval '5 seconds')
  WHERE k <> 'Blank' GROUP BY window_start, k HAVING count(*) > 1;
)",
              {from("a", {R"({"at":1,"k":"Mongo","x":90})", R"({"at":2,"k":"Blank"})",
                          R"({"at":3,"k":"Google","x":97.5})", R"({"at":6,"k":"Google"})"}),
               from("b", {R"({"at":0,"k":"Google"})", R"({"at":4,"k":"Google","x":12})", R"({"at":4,"k":"Blank"})",
                          R"({"at":5,"k":"Google","x":1})", R"({"at":9})"})},
              {{"v",
                {R"({"window_start":"1970-01-01T00:00:00Z","k":"Google","seen":3,"best":97.5})",
                 R"({"window_start":"1970-01-01T00:00:05Z","k":"Google","seen":2,"best":1})"}}}});
}

TEST_CASE("records no more than the gap apart are of one session, and a late bridge joins two") {
  check_case(
      {stream_s("20 s") + R"(
CREATE MATERIALIZED VIEW v AS
  SELECT window_start, window_end, k, count(*) AS c, first(n) AS f, last(n) AS l
  FROM session(s, interval '3 seconds') GROUP BY window_start, window_end, k;
)",
       {from("a", {R"({"at":1,"k":"p","n":1})", R"({"at":4,"k":"p","n":4})", R"({"at":8,"k":"p","n":8})",
                   R"({"at":2,"k":"q","n":2})", R"({"at":12,"k":"q","n":12})", R"({"at":20,"k":"p","n":20})",
                   R"({"at":23,"k":"p","n":23})"}),
        from("b", {R"({"at":14,"k":"p","n":14})", R"({"at":11,"k":"p","n":11})"})},
       {{"v",
         {R"({"window_start":"1970-01-01T00:00:01Z","window_end":"1970-01-01T00:00:07Z","k":"p","c":2,"f":1,"l":4})",
          R"({"window_start":"1970-01-01T00:00:08Z","window_end":"1970-01-01T00:00:17Z","k":"p","c":3,"f":8,"l":14})",
          R"({"window_start":"1970-01-01T00:00:20Z","window_end":"1970-01-01T00:00:26Z","k":"p","c":2,"f":20,"l":23})",
          R"({"window_start":"1970-01-01T00:00:02Z","window_end":"1970-01-01T00:00:05Z","k":"q","c":1,"f":2,"l":2})",
          R"({"window_start":"1970-01-01T00:00:12Z","window_end":"1970-01-01T00:00:15Z","k":"q","c":1,"f":12,)"
          R"("l":12})"}}}});
}

TEST_CASE("emit = 'changes' ends with the same rows per key as final rows") {
  const std::string select = R"(
  SELECT window_start, k, count(*) AS c, avg(n) AS a FROM tumble(s, interval '5 seconds')
  GROUP BY window_start, k HAVING count(*) <> 2;
)";
  const std::vector<std::string> rows{R"({"window_start":"1970-01-01T00:00:00Z","k":"p","c":3,"a":2})",
                                      R"({"window_start":"1970-01-01T00:00:00Z","k":"q","c":1,"a":7})",
                                      R"({"window_start":"1970-01-01T00:00:10Z","k":null,"c":1,"a":null})"};
  check_case({stream_s("5 s") + "CREATE MATERIALIZED VIEW changing WITH (emit = 'changes') AS" + select +
                  "CREATE MATERIALIZED VIEW finished AS" + select,
              {from("a", {R"({"at":1,"k":"p","n":1})", R"({"at":6,"k":"p","n":9})", R"({"at":2,"k":"p","n":2})",
                          R"({"at":3,"k":"q","n":7})", R"({"at":10})"}),
               from("b", {R"({"at":8,"k":"p","n":9})", R"({"at":4,"k":"p","n":3})"})},
              {{"changing", rows}, {"finished", rows}}});
}

TEST_CASE("a record behind the watermark is late for windows, even one still open, and not for other views") {
  check_case(
      {stream_s("2 s") + R"(
CREATE MATERIALIZED VIEW v AS
  SELECT window_start, count(*) AS c FROM tumble(s, interval '10 seconds') GROUP BY window_start;
CREATE MATERIALIZED VIEW runs AS
  SELECT window_start, window_end, count(*) AS c FROM session(s, interval '4 seconds')
  GROUP BY window_start, window_end;
CREATE MATERIALIZED VIEW everything AS SELECT count(*) AS c FROM s;
CREATE MATERIALIZED VIEW filtered AS
  SELECT window_start, count(*) AS c FROM tumble(s, interval '10 seconds') WHERE k IS NULL GROUP BY window_start;
)",
       {from("a", {R"({"at":1})", R"({"at":8})", R"({"at":6})", R"({"at":5,"k":"late in an open window"})",
                   R"({"at":15})", R"({"at":9,"k":"late, its window is closed"})", R"({"at":13})"})},
       {{"v", {R"({"window_start":"1970-01-01T00:00:00Z","c":3})", R"({"window_start":"1970-01-01T00:00:10Z","c":2})"}},
        {"runs",
         {R"({"window_start":"1970-01-01T00:00:01Z","window_end":"1970-01-01T00:00:05Z","c":1})",
          R"({"window_start":"1970-01-01T00:00:06Z","window_end":"1970-01-01T00:00:12Z","c":2})",
          R"({"window_start":"1970-01-01T00:00:13Z","window_end":"1970-01-01T00:00:19Z","c":2})"}},
        {"everything", {R"({"c":7})"}},
        {"filtered",
         {R"({"window_start":"1970-01-01T00:00:00Z","c":3})", R"({"window_start":"1970-01-01T00:00:10Z","c":2})"}}},
       {},
       {{"v", 2}, {"runs", 2}}});
}

TEST_CASE("windows that group by source close on that source alone, so nothing of another time is late") {
  check_case(
      {stream_s() + R"(
CREATE MATERIALIZED VIEW v AS
  SELECT source, window_start, count(*) AS c, sum(n) AS s FROM tumble(s, interval '1 hour')
  GROUP BY source, window_start;
)",
       {from("new", {R"({"at":1700000000,"n":1})", R"({"at":1700000001,"n":2})"}),
        from("old", {R"({"at":-1318000000,"n":3})", R"({"at":-1317996400,"n":4})", R"({"at":-1317996399,"n":5})"})},
       {{"v",
         {R"({"source":"new","window_start":"2023-11-14T22:00:00Z","c":2,"s":3})",
          R"({"source":"old","window_start":"1928-03-27T08:00:00Z","c":1,"s":3})",
          R"({"source":"old","window_start":"1928-03-27T09:00:00Z","c":2,"s":9})"}}}});
}

TEST_CASE("the arrival time counts where no column is the event time") {
  scripted_source camera{"a", "arriving", {R"({"k":"p"})", R"({"k":"q"})", R"({"k":"p"})", R"({})"}};
  check_case(
      {R"(
CREATE TABLE arriving (k text) WITH (format = 'json');
CREATE MATERIALIZED VIEW v WITH (max_rows = 10) AS
  SELECT k, count(*) AS c, min(event_time) > timestamptz '2023-11-14T00:00:00Z' AS recent FROM arriving GROUP BY k;
CREATE MATERIALIZED VIEW hours AS
  SELECT window_start, count(*) AS c FROM tumble(arriving, interval '365 days') GROUP BY window_start;
)",
       {camera},
       {{"v",
         {R"({"k":"p","c":2,"recent":true})", R"({"k":"q","c":1,"recent":true})", R"({"k":null,"c":1,"recent":true})"}},
        {"hours", {R"({"window_start":"2022-12-19T00:00:00Z","c":4})"}}}});
}

TEST_CASE("a windowed view without keys has one row per window that holds a record") {
  check_case(
      {stream_s() + R"(
CREATE MATERIALIZED VIEW v AS
  SELECT window_end, count(DISTINCT k) AS kinds FROM tumble(s, interval '1 minute') GROUP BY window_end;
)",
       {from("a", {R"({"at":0,"k":"p"})", R"({"at":59,"k":"q"})", R"({"at":180})"}),
        from("b", {R"({"at":30,"k":"p"})", R"({"at":179,"k":"z"})"})},
       {{"v",
         {R"({"window_end":"1970-01-01T00:01:00Z","kinds":2})", R"({"window_end":"1970-01-01T00:03:00Z","kinds":1})",
          R"({"window_end":"1970-01-01T00:04:00Z","kinds":0})"}}}});
}

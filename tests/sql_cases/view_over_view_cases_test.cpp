// Views that read views: rows that are added, rows that are replaced.
#include <catch2/catch.hpp>

#include "tests/sql_cases/case_runner.hpp"

using namespace weir;
using namespace weir::testing;

TEST_CASE("a stateless view over a stateless view filters twice") {
  check_case(
      {stream_s() + R"(
CREATE MATERIALIZED VIEW positive AS SELECT source, at, n * 10 AS tens FROM s WHERE n > 0;
CREATE MATERIALIZED VIEW chosen AS SELECT source, tens + 1 AS y FROM positive WHERE tens < 50;
)",
       {from("a", {R"({"at":1,"n":1})", R"({"at":2,"n":-1})", R"({"at":3,"n":9})"}), from("b", {R"({"at":1,"n":4})"})},
       {{"positive",
         {R"({"source":"a","at":1,"tens":10})", R"({"source":"a","at":3,"tens":90})",
          R"({"source":"b","at":1,"tens":40})"}},
        {"chosen", {R"({"source":"a","y":11})", R"({"source":"b","y":41})"}}}});
}

TEST_CASE("windows over a windowed view go by the inner window's last moment") {
  check_case({stream_s() + R"(
CREATE MATERIALIZED VIEW fine AS
  SELECT window_start, k, count(*) AS c, sum(n) AS s FROM tumble(s, interval '5 seconds') GROUP BY window_start, k;
CREATE MATERIALIZED VIEW coarse AS
  SELECT window_start, k, sum(c) AS c, sum(s) AS s, count(*) AS parts FROM tumble(fine, interval '20 seconds')
  GROUP BY window_start, k;
)",
              {from("a", {R"({"at":1,"k":"p","n":1})", R"({"at":4,"k":"p","n":2})", R"({"at":19,"k":"p","n":3})",
                          R"({"at":20,"k":"p","n":4})"}),
               from("b", {R"({"at":2,"k":"p","n":5})", R"({"at":3,"k":"q"})", R"({"at":39,"k":"q","n":6})"})},
              {{"coarse",
                {R"({"window_start":"1970-01-01T00:00:00Z","k":"p","c":4,"s":11,"parts":2})",
                 R"({"window_start":"1970-01-01T00:00:00Z","k":"q","c":1,"s":null,"parts":1})",
                 R"({"window_start":"1970-01-01T00:00:20Z","k":"p","c":1,"s":4,"parts":1})",
                 R"({"window_start":"1970-01-01T00:00:20Z","k":"q","c":1,"s":6,"parts":1})"}}}});
}

TEST_CASE("a running table over windows counts each window's row once: pairs of socks") {
  check_case(
      {stream_s() + R"(
CREATE MATERIALIZED VIEW seen AS
  SELECT window_start, k FROM tumble(s, interval '5 seconds') GROUP BY window_start, k HAVING count(*) > 1;
CREATE MATERIALIZED VIEW pairs WITH (max_rows = 100) AS
  SELECT k, count(*) AS socks, CASE WHEN count(*) % 2 = 0 THEN 'Pair' ELSE 'Un-matched' END AS pairing
  FROM seen GROUP BY k;
)",
       {from("a", {R"({"at":0,"k":"p"})", R"({"at":1,"k":"p"})", R"({"at":5,"k":"p"})", R"({"at":6,"k":"q"})",
                   R"({"at":11,"k":"p"})", R"({"at":12,"k":"q"})"}),
        from("b", {R"({"at":7,"k":"q"})", R"({"at":10,"k":"p"})", R"({"at":21,"k":"z"})"})},
       {{"pairs", {R"({"k":"p","socks":2,"pairing":"Pair"})", R"({"k":"q","socks":1,"pairing":"Un-matched"})"}}}});
}

TEST_CASE("a running table over a replaced row takes the old row back before it adds the new one") {
  check_case({stream_s() + R"(
CREATE MATERIALIZED VIEW per_k WITH (max_rows = 1000) AS SELECT k, count(*) AS c, sum(x) AS s FROM s GROUP BY k;
CREATE MATERIALIZED VIEW by_count WITH (max_rows = 1000) AS
  SELECT c, count(*) AS ks, sum(s) AS total, avg(s) AS mean FROM per_k GROUP BY c;
CREATE MATERIALIZED VIEW all_ks AS SELECT count(*) AS ks, sum(c) AS rows, stddev(c) AS spread FROM per_k;
)",
              {from("a", {R"({"at":1,"k":"p","x":1e16})", R"({"at":2,"k":"p","x":0.5})", R"({"at":3,"k":"q","x":1})",
                          R"({"at":4,"k":"r"})"}),
               from("b", {R"({"at":1,"k":"q","x":2.25})", R"({"at":2,"k":"p","x":-1e16})", R"({"at":3,"x":7})"})},
              {{"per_k",
                {R"({"k":"p","c":3,"s":0.5})", R"({"k":"q","c":2,"s":3.25})", R"({"k":"r","c":1,"s":null})",
                 R"({"k":null,"c":1,"s":7})"}},
               {"by_count",
                {R"({"c":3,"ks":1,"total":0.5,"mean":0.5})", R"({"c":2,"ks":1,"total":3.25,"mean":3.25})",
                 R"({"c":1,"ks":2,"total":7,"mean":7})"}},
               {"all_ks", {R"({"ks":4,"rows":7,"spread":0.9574271077563381})"}}}});
}

TEST_CASE("a filter over a replaced row lets it come and go") {
  check_case({stream_s() + R"(
CREATE MATERIALIZED VIEW per_k WITH (max_rows = 1000) AS SELECT k, count(*) AS c, sum(n) AS s FROM s GROUP BY k;
CREATE MATERIALIZED VIEW twice AS SELECT k, c * 100 AS hundreds FROM per_k WHERE c = 2;
CREATE MATERIALIZED VIEW positive AS SELECT k, s FROM per_k WHERE s > 0;
CREATE MATERIALIZED VIEW how_many AS SELECT count(*) AS c FROM positive;
CREATE MATERIALIZED VIEW how_many_twice AS SELECT c * 2 AS c FROM how_many;
CREATE MATERIALIZED VIEW hardly_any AS SELECT c FROM how_many WHERE c < 2;
)",
              {from("a", {R"({"at":1,"k":"p","n":5})", R"({"at":2,"k":"q","n":1})", R"({"at":3,"k":"p","n":-9})"}),
               from("b", {R"({"at":1,"k":"q","n":1})", R"({"at":2,"k":"p","n":3})", R"({"at":3,"k":"r","n":2})"})},
              {{"twice", {R"({"k":"q","hundreds":200})"}},
               {"positive", {R"({"k":"q","s":2})", R"({"k":"r","s":2})"}},
               {"how_many", {R"({"c":2})"}},
               {"how_many_twice", {R"({"c":4})"}},
               {"hardly_any", {}}}});
}

TEST_CASE("windows over a filtered view keep the source's own clock") {
  check_case({stream_s() + R"(
CREATE MATERIALIZED VIEW good AS SELECT source, k AS station, x FROM s WHERE x IS NOT NULL;
CREATE MATERIALIZED VIEW hours AS
  SELECT source, station, window_start, avg(x) AS mean FROM tumble(good, interval '1 hour')
  GROUP BY source, station, window_start;
CREATE MATERIALIZED VIEW all_hours WITH (max_rows = 1000) AS
  SELECT window_start, count(DISTINCT station) AS stations, avg(mean) AS mean FROM hours GROUP BY window_start;
)",
              {from("a", {R"({"at":0,"k":"one","x":1})", R"({"at":10,"k":"one"})", R"({"at":20,"k":"one","x":2})",
                          R"({"at":7200,"k":"one","x":-4})"}),
               from("b", {R"({"at":-7000000,"k":"two"})", R"({"at":5,"k":"two","x":10})"})},
              {{"hours",
                {R"({"source":"a","station":"one","window_start":"1970-01-01T00:00:00Z","mean":1.5})",
                 R"({"source":"a","station":"one","window_start":"1970-01-01T02:00:00Z","mean":-4})",
                 R"({"source":"b","station":"two","window_start":"1970-01-01T00:00:00Z","mean":10})"}},
               {"all_hours",
                {R"({"window_start":"1970-01-01T00:00:00Z","stations":2,"mean":5.75})",
                 R"({"window_start":"1970-01-01T02:00:00Z","stations":1,"mean":-4})"}}}});
}

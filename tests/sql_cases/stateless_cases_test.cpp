// Rows one by one: filters, expressions, what cannot be computed. Expectations are PostgreSQL's answers.
#include <catch2/catch.hpp>

#include "tests/sql_cases/case_runner.hpp"

using namespace weir;
using namespace weir::testing;

TEST_CASE("WHERE keeps a row only when its condition is true, not when it is null") {
  check_case({stream_s() + R"(
CREATE MATERIALIZED VIEW over AS SELECT at FROM s WHERE n > 2;
CREATE MATERIALIZED VIEW not_over AS SELECT at FROM s WHERE NOT (n > 2);
CREATE MATERIALIZED VIEW either AS SELECT at FROM s WHERE n > 2 OR b;
CREATE MATERIALIZED VIEW over_and_b AS SELECT at FROM s WHERE n > 2 AND b;
CREATE MATERIALIZED VIEW unknown AS SELECT at FROM s WHERE n IS NULL;
CREATE MATERIALIZED VIEW in_null AS SELECT at FROM s WHERE n NOT IN (1, NULL);
CREATE MATERIALIZED VIEW distinct_from AS SELECT at FROM s WHERE n IS DISTINCT FROM 5;
CREATE MATERIALIZED VIEW not_true AS SELECT at FROM s WHERE b IS NOT TRUE;
)",
              {from("a", {R"({"at":1,"n":1,"b":true})", R"({"at":2,"n":5,"b":null})", R"({"at":3,"b":true})",
                          R"({"at":4,"n":null,"b":false})", R"({"at":5,"n":3,"b":false})"})},
              {{"over", {R"({"at":2})", R"({"at":5})"}},
               {"not_over", {R"({"at":1})"}},
               {"either", {R"({"at":1})", R"({"at":2})", R"({"at":3})", R"({"at":5})"}},
               {"over_and_b", {}},
               {"unknown", {R"({"at":3})", R"({"at":4})"}},
               {"in_null", {}},
               {"distinct_from", {R"({"at":1})", R"({"at":3})", R"({"at":4})", R"({"at":5})"}},
               {"not_true", {R"({"at":2})", R"({"at":4})", R"({"at":5})"}}}});
}

TEST_CASE("LIKE, ILIKE and regular expressions choose texts") {
  check_case({stream_s() + R"(
CREATE MATERIALIZED VIEW prefix AS SELECT k FROM s WHERE k LIKE 'Go%';
CREATE MATERIALIZED VIEW any_case AS SELECT k FROM s WHERE k ILIKE 'GO%';
CREATE MATERIALIZED VIEW one_sign AS SELECT k FROM s WHERE k LIKE 'a_b';
CREATE MATERIALIZED VIEW escaped AS SELECT k FROM s WHERE k LIKE 'a!_b' ESCAPE '!';
CREATE MATERIALIZED VIEW percent AS SELECT k FROM s WHERE k LIKE '%\%';
CREATE MATERIALIZED VIEW not_like AS SELECT k FROM s WHERE k NOT LIKE '%o%';
CREATE MATERIALIZED VIEW matches AS SELECT k FROM s WHERE k ~ '^[0-9]+';
CREATE MATERIALIZED VIEW no_match AS SELECT k FROM s WHERE k !~* 'GO|%';
)",
              {from("a", {R"({"at":1,"k":"Google"})", R"({"at":2,"k":"google"})", R"({"at":3,"k":"10%"})",
                          R"({"at":4,"k":"a_b"})", R"({"at":5,"k":"aüb"})", R"({"at":6,"k":""})", R"({"at":7})"})},
              {{"prefix", {R"({"k":"Google"})"}},
               {"any_case", {R"({"k":"Google"})", R"({"k":"google"})"}},
               {"one_sign", {R"({"k":"a_b"})", R"({"k":"aüb"})"}},
               {"escaped", {R"({"k":"a_b"})"}},
               {"percent", {R"({"k":"10%"})"}},
               {"not_like", {R"({"k":"10%"})", R"({"k":"a_b"})", R"({"k":"aüb"})", R"({"k":""})"}},
               {"matches", {R"({"k":"10%"})"}},
               {"no_match", {R"({"k":"a_b"})", R"({"k":"aüb"})", R"({"k":""})"}}}});
}

TEST_CASE("IN and BETWEEN include their bounds, and null is in neither") {
  check_case({stream_s() + R"(
CREATE MATERIALIZED VIEW listed AS SELECT at FROM s WHERE n IN (1, 3);
CREATE MATERIALIZED VIEW unlisted AS SELECT at FROM s WHERE n NOT IN (1, 3);
CREATE MATERIALIZED VIEW within AS SELECT at FROM s WHERE n BETWEEN 2 AND 3;
CREATE MATERIALIZED VIEW outside AS SELECT at FROM s WHERE n NOT BETWEEN 2 AND 3;
CREATE MATERIALIZED VIEW empty_range AS SELECT at FROM s WHERE n BETWEEN 3 AND 2;
CREATE MATERIALIZED VIEW texts AS SELECT at FROM s WHERE k IN ('b', 'Z') OR k BETWEEN 'a' AND 'aa';
)",
              {from("a", {R"({"at":1,"n":1,"k":"a"})", R"({"at":2,"n":2,"k":"b"})", R"({"at":3,"n":3,"k":"Z"})",
                          R"({"at":4,"n":4,"k":"ab"})", R"({"at":5})"})},
              {{"listed", {R"({"at":1})", R"({"at":3})"}},
               {"unlisted", {R"({"at":2})", R"({"at":4})"}},
               {"within", {R"({"at":2})", R"({"at":3})"}},
               {"outside", {R"({"at":1})", R"({"at":4})"}},
               {"empty_range", {}},
               {"texts", {R"({"at":1})", R"({"at":2})", R"({"at":3})"}}}});
}

TEST_CASE("CASE, COALESCE, NULLIF, GREATEST and LEAST treat null as PostgreSQL does") {
  check_case({stream_s() + R"(
CREATE MATERIALIZED VIEW v AS
  SELECT at, CASE WHEN n > 5 THEN 'many' WHEN n > 0 THEN 'few' END AS amount,
         CASE n WHEN 1 THEN 'one' WHEN NULL THEN 'never' ELSE 'other' END AS word,
         coalesce(n, at, 0) AS some, nullif(n, 7) AS not_seven, greatest(n, 3) AS high, least(n, 3) AS low
  FROM s;
)",
              {from("a", {R"({"at":1,"n":1})", R"({"at":2,"n":7})", R"({"at":3})", R"({"at":4,"n":-2})"})},
              {{"v",
                {R"({"at":1,"amount":"few","word":"one","some":1,"not_seven":1,"high":3,"low":1})",
                 R"({"at":2,"amount":"many","word":"other","some":7,"not_seven":null,"high":7,"low":3})",
                 R"({"at":3,"amount":null,"word":"other","some":3,"not_seven":null,"high":3,"low":3})",
                 R"({"at":4,"amount":null,"word":"other","some":-2,"not_seven":-2,"high":3,"low":-2})"}}}});
}

TEST_CASE("casts round halves to even, trim blanks, and a row that cannot be cast is refused, not lost") {
  check_case({stream_s() + R"(
CREATE MATERIALIZED VIEW rounded AS SELECT at, x::bigint AS whole, n::text AS written, n::double precision / 4 AS part
  FROM s WHERE x IS NOT NULL;
CREATE MATERIALIZED VIEW parsed AS SELECT at, k::bigint AS number FROM s WHERE k IS NOT NULL;
CREATE MATERIALIZED VIEW quotients AS SELECT at, 10 / n AS y FROM s WHERE n IS NOT NULL;
)",
              {from("a", {R"({"at":1,"x":2.5,"n":1})", R"({"at":2,"x":3.5,"n":-7})", R"({"at":3,"x":-2.5,"n":0})",
                          R"({"at":4,"k":" 42 "})", R"({"at":5,"k":"4.5"})", R"({"at":6,"k":"-0"})",
                          R"({"at":7,"k":"9223372036854775808"})"})},
              {{"rounded",
                {R"({"at":1,"whole":2,"written":"1","part":0.25})", R"({"at":2,"whole":4,"written":"-7","part":-1.75})",
                 R"({"at":3,"whole":-2,"written":"0","part":0})"}},
               {"parsed", {R"({"at":4,"number":42})", R"({"at":6,"number":0})"}},
               {"quotients", {R"({"at":1,"y":10})", R"({"at":2,"y":-1})"}}},
              {},
              {},
              {{"parsed", 2}, {"quotients", 1}}});
}

TEST_CASE("times before and after 1970 are cut, taken apart and written in UTC") {
  check_case({stream_s() + R"(
CREATE MATERIALIZED VIEW v AS
  SELECT at, date_trunc('hour', d) AS hour, date_trunc('week', d) AS week, extract(dow from d) AS dow,
         extract(epoch from d) AS epoch, to_char(d, 'YYYY-MM-DD HH24:MI:SS') AS written,
         d + interval '1 day 02:00:00' AS later,
         extract(epoch from (d - timestamptz '2020-02-28T00:00:00Z')) AS apart
  FROM s;
)",
              {from("a", {R"({"at":1,"d":"1969-12-31T23:59:59.5Z"})", R"({"at":2,"d":"2020-02-29T12:34:56+02:00"})",
                          R"({"at":3})"})},
              {{"v",
                {R"({"at":1,"hour":"1969-12-31T23:00:00Z","week":"1969-12-29T00:00:00Z","dow":3,"epoch":-0.5,)"
                 R"("written":"1969-12-31 23:59:59","later":"1970-01-02T01:59:59.500Z","apart":-1582848000.5})",
                 R"({"at":2,"hour":"2020-02-29T10:00:00Z","week":"2020-02-24T00:00:00Z","dow":6,"epoch":1582972496,)"
                 R"("written":"2020-02-29 10:34:56","later":"2020-03-01T12:34:56Z","apart":124496})",
                 R"({"at":3,"hour":null,"week":null,"dow":null,"epoch":null,"written":null,"later":null,)"
                 R"("apart":null})"}}}});
}

TEST_CASE("JSON is taken apart by key and by place, and what is not there is null") {
  check_case({stream_s() + R"(
CREATE MATERIALIZED VIEW v AS
  SELECT at, j -> 'a' AS part, j ->> 'a' AS word, j -> 'l' ->> 0 AS first, j -> 'l' ->> -1 AS final,
         (j ->> 'n')::bigint + 1 AS next, json_typeof(j) AS kind
  FROM s WHERE j ->> 'skip' IS NULL;
)",
              {from("a", {R"({"at":1,"j":{"a":"x","l":[1,"two"],"n":41}})", R"({"at":2,"j":{"a":{"b":null},"l":[]}})",
                          R"({"at":3,"j":[1,2]})", R"({"at":4,"j":{"a":null}})", R"({"at":5,"j":{"skip":1}})"})},
              {{"v",
                {R"({"at":1,"part":"x","word":"x","first":"1","final":"two","next":42,"kind":"object"})",
                 R"({"at":2,"part":{"b":null},"word":"{\"b\":null}","first":null,"final":null,"next":null,)"
                 R"("kind":"object"})",
                 R"({"at":3,"part":null,"word":null,"first":null,"final":null,"next":null,"kind":"array"})",
                 R"({"at":4,"part":null,"word":null,"first":null,"final":null,"next":null,"kind":"object"})"}}}});
}

TEST_CASE("texts are counted in characters and cut from 1") {
  check_case(
      {stream_s() + R"(
CREATE MATERIALIZED VIEW v AS
  SELECT length(k) AS len, octet_length(k) AS bytes, substring(k from 2 for 2) AS part, split_part(k, '-', 2) AS second,
         upper(k) AS up, k || '!' AS loud, concat(k, n) AS glued, strpos(k, 'ß') AS place
  FROM s;
)",
       {from("a", {R"({"at":1,"k":"aß-cd"})", R"({"at":2,"k":""})", R"({"at":3,"n":5})"})},
       {{"v",
         {R"({"len":5,"bytes":6,"part":"ß-","second":"cd","up":"Aß-CD","loud":"aß-cd!","glued":"aß-cd","place":2})",
          R"({"len":0,"bytes":0,"part":"","second":"","up":"","loud":"!","glued":"","place":0})",
          R"({"len":null,"bytes":null,"part":null,"second":null,"up":null,"loud":null,"glued":"5",)"
          R"("place":null})"}}}});
}

TEST_CASE("records that are no row are dead letters: broken, of another type, without a NOT NULL column") {
  check_case({stream_s() + "CREATE MATERIALIZED VIEW v AS SELECT at, k FROM s;",
              {from("a", {"Hello from deeplens", R"({"at":1,"k":"fine"})", R"({"k":"no time"})",
                          R"({"at":2,"n":"many"})", R"({"at":3,"k":"more","unnamed":[1,{"x":2}]})",
                          R"({"at":4,"unnamed":[1,})", "[]", R"({"at":253370764800,"k":"the year 9999"})"})},
              {{"v", {R"({"at":1,"k":"fine"})", R"({"at":3,"k":"more"})"}}},
              {{"s", 6}}});
}

TEST_CASE("CSV columns are found by the header, quotes hold commas, empty cells are null") {
  scripted_source csv{"a", "c", {R"(" 2.5","say ""hi"", you",1)", R"(-1,,2)", R"(abc,x,3)"}, "", "X,K,AT"};
  check_case(
      {R"(
CREATE TABLE c (at bigint NOT NULL, k text, x double precision, absent text)
  WITH (format = 'csv', event_time = 'at', event_time_unit = 's');
CREATE MATERIALIZED VIEW v AS SELECT at, k, x, absent FROM c;
)",
       {csv},
       {{"v",
         {R"({"at":1,"k":"say \"hi\", you","x":2.5,"absent":null})", R"({"at":2,"k":null,"x":-1,"absent":null})"}}},
       {{"c", 1}}});
}

#include "runtime/sql/sql_error.hpp"

#include "tests/runtime/sql/sql_fixture.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

struct refused_statement {
  std::string_view sql;
  errc code;
  std::string_view message;  // a part of it
  std::string_view hint;     // a part of it
};

constexpr refused_statement refused[] = {
    {"CREATE MATERIALIZED VIEW e WITH (topic = 'a b') AS SELECT k FROM t", errc::invalid_argument,
     "option topic cannot be 'a b'", "letters, digits"},
    {"CREATE MATERIALIZED VIEW e WITH (format = 'csv') AS SELECT k FROM t", errc::invalid_argument,
     "are of a topic that the view's rows go out to", "topic = 'name'"},
    {"CREATE MATERIALIZED VIEW e WITH (topic = 'o', format = 'isd') AS SELECT k FROM t", errc::invalid_argument,
     "rows cannot go out in format 'isd'", "format = 'csv'"},
    {"CREATE MATERIALIZED VIEW e AS SELECT k, count(*) FROM t GROUP BY k", errc::invalid_argument,
     "needs ttl or max_rows", "ttl = '7 days'"},
    {"CREATE MATERIALIZED VIEW e WITH (max_rows = 5) AS SELECT k, x, count(*) FROM t GROUP BY k",
     errc::invalid_argument, "column \"x\" must appear in the GROUP BY clause", "add it to GROUP BY"},
    {"CREATE MATERIALIZED VIEW e WITH (max_rows = 5) AS SELECT count(*) FROM t GROUP BY k", errc::invalid_argument,
     "the group key \"k\" is not in SELECT", "add it"},
    {"CREATE MATERIALIZED VIEW e WITH (max_rows = -5) AS SELECT k, count(*) FROM t GROUP BY k", errc::invalid_argument,
     "must be a whole number above zero, not '-5'", ""},
    {"CREATE MATERIALIZED VIEW e AS SELECT k FROM tumble(t, '1 s')", errc::invalid_argument, "needs a GROUP BY",
     "window_start"},
    {"CREATE MATERIALIZED VIEW e AS SELECT k, count(*) FROM tumble(t, '1 s') GROUP BY k", errc::invalid_argument,
     "needs a GROUP BY", "window_start"},
    {"CREATE MATERIALIZED VIEW e AS SELECT k, count(*) FROM tumble(t, '1 s') GROUP BY k, window_start",
     errc::invalid_argument, "the window is not in SELECT", ""},
    {"CREATE MATERIALIZED VIEW e AS SELECT window_start, count(*) FROM tumble(t, '-1 s') GROUP BY 1",
     errc::invalid_argument, "above zero", ""},
    {"CREATE MATERIALIZED VIEW e AS SELECT window_start, count(*) FROM tumble(t, n, '1 s') GROUP BY 1",
     errc::unsupported, "not the event time", ""},
    {"CREATE MATERIALIZED VIEW e AS SELECT window_start, count(*) FROM tumble(u, '1 s') GROUP BY 1", errc::unsupported,
     "cannot take a row back", ""},
    {"CREATE MATERIALIZED VIEW e WITH (max_rows = 5) AS SELECT c, max(s) FROM u GROUP BY c", errc::unsupported,
     "max cannot take a row back", "write count"},
    {"CREATE MATERIALIZED VIEW e WITH (max_rows = 5) AS SELECT c, count(DISTINCT s) FROM u GROUP BY c",
     errc::unsupported, "cannot take a row back", ""},
    {"CREATE MATERIALIZED VIEW e AS SELECT c FROM u", errc::invalid_argument, "its column \"k\" is not in SELECT",
     "add k"},
    {"CREATE MATERIALIZED VIEW u AS SELECT k FROM t", errc::already_exists, "a view named u exists", "another name"},
    {"CREATE TABLE v (k text) WITH (format = 'json')", errc::already_exists, "a view named v exists", ""},
    {"CREATE TABLE e (k text)", errc::invalid_argument, "has no format", "format = 'json'"},
    {"CREATE TABLE e (k text) WITH (format = 'json', latenes = '2 s')", errc::invalid_argument,
     "unknown option latenes", "lateness"},
    {"CREATE TABLE e (k text) WITH (format = 'xml')", errc::invalid_argument, "xml", ""},
    {"CREATE TABLE e (k text) WITH (format = 'json', lateness = '2 months')", errc::invalid_argument, "option lateness",
     ""},
    {"CREATE TABLE e (k text) WITH (format = 'json', event_time = 'at')", errc::invalid_argument, "no column of e", ""},
    {"CREATE TABLE e (at bigint) WITH (format = 'json', event_time = 'at')", errc::invalid_argument,
     "unit must be given", "event_time_unit"},
    {"CREATE TABLE e (k text, k text) WITH (format = 'json')", errc::invalid_argument, "declared twice", ""},
    {"CREATE TABLE e (user text) WITH (format = 'json')", errc::parse_error, "syntax error at or near \"user\"",
     "\"user\" in double quotes"},
    {"CREATE MATERIALIZED VIEW e AS SELECT imge FROM t", errc::invalid_argument, "column \"imge\" does not exist in t",
     "columns are k, n"},
    {"CREATE MATERIALIZED VIEW e AS SELECT k FROM tt", errc::not_found, "no stream or view named tt", "there are t"},
    {"CREATE MATERIALIZED VIEW e AS SELECT lowr(k) AS y FROM t", errc::invalid_argument, "function lowr does not exist",
     "did you mean lower?"},
    {"CREATE MATERIALIZED VIEW e AS SELECT lower(n) AS y FROM t", errc::invalid_argument,
     "function lower(bigint) does not exist", "lower(text)"},
    {"CREATE MATERIALIZED VIEW e AS SELECT k + 1 AS y FROM t", errc::invalid_argument,
     "operator does not exist: text + bigint", "cast"},
    {"CREATE MATERIALIZED VIEW e AS SELECT k FROM t WHERE n = 'abc'", errc::invalid_argument, "invalid bigint", ""},
    {"CREATE MATERIALIZED VIEW e AS SELECT k FROM t WHERE n", errc::invalid_argument,
     "WHERE must be boolean, not bigint", ""},
    {"CREATE MATERIALIZED VIEW e AS SELECT k FROM t WHERE count(*) > 1", errc::invalid_argument, "not allowed in WHERE",
     "HAVING"},
    {"CREATE MATERIALIZED VIEW e AS SELECT k ~ '(' AS y FROM t", errc::invalid_argument, "invalid regular expression",
     ""},
    {"CREATE MATERIALIZED VIEW e AS SELECT k AS a, n AS a FROM t", errc::invalid_argument, "two columns are named", ""},
    {"CREATE MATERIALIZED VIEW e AS SELECT n + 1 FROM t", errc::invalid_argument, "this column has no name", "AS"},
    {"CREATE MATERIALIZED VIEW e WITH (emit = 'final') AS SELECT k FROM t", errc::invalid_argument, "no window", ""},
    {"CREATE MATERIALIZED VIEW e WITH (ttl = '1 day') AS SELECT k FROM t", errc::invalid_argument, "running tables",
     ""},
    {"CREATE MATERIALIZED VIEW e AS SELECT to_char(at, 'YYYY-XX') AS y FROM t", errc::unsupported,
     "'XX' is not supported", "YYYY"},
    {"CREATE MATERIALIZED VIEW e AS SELECT date_trunc(k, at) AS y FROM t", errc::unsupported, "quoted text", "hour"},
    {"CREATE MATERIALIZED VIEW e AS SELECT 99999999999999999999 AS y FROM t", errc::invalid_argument,
     "out of range for bigint", ".0"},
    {"SELECT k FROM t", errc::invalid_argument, "cannot hold a SELECT", ""},
    {"CREATE MATERIALIZED VIEW e AS SELECT k FROM t EMIT ON WINDOW CLOSE", errc::parse_error, "syntax error", ""},
    {"", errc::invalid_argument, "no statement", ""},
    {"-- nothing", errc::invalid_argument, "no statement", ""},
    {"SELECT 'abc", errc::parse_error, "unterminated quoted string", ""},
};

}  // namespace

TEST_CASE("a refused statement says why and what to write instead") {
  const auto names = catalog_of(words_catalog);
  for (const auto& r : refused) {
    const auto e = error_of(r.sql, names);
    INFO(e.text());
    CHECK(e.code == r.code);
    CHECK(e.message.find(r.message) != std::string::npos);
    CHECK(e.hint.find(r.hint) != std::string::npos);
  }
}

TEST_CASE("queries over streams, with windows or to change something are refused") {
  const auto names = catalog_of(words_catalog);
  CHECK(query_error_of("SELECT k FROM t", names).hint.find("weir stream tail t") != std::string::npos);
  CHECK(query_error_of("SELECT window_start FROM tumble(u, '1 s') GROUP BY 1", names).code == errc::unsupported);
  CHECK(query_error_of("DELETE FROM u", names).code == errc::unsupported);
  CHECK(query_error_of("CREATE TABLE e (k text) WITH (format = 'json')", names).code == errc::invalid_argument);
  CHECK(query_error_of("SELECT k FROM u; SELECT k FROM u", names).message.find("one statement") != std::string::npos);
  CHECK(query_error_of("SELECT first(k) FROM u", names).code == errc::unsupported);
  CHECK(query_error_of("SELECT k FROM u LIMIT -1", names).code == errc::invalid_argument);
  CHECK(query_error_of("SELECT k FROM u ORDER BY -1", names).code == errc::invalid_argument);
}

TEST_CASE("an error points at its character, in text of several lines and of many bytes per character") {
  const auto names = catalog_of(words_catalog);
  const auto e = error_of("-- häßlich\nCREATE MATERIALIZED VIEW e AS\n  SELECT 'äöü€𝄞' AS a, imge FROM t", names);
  CHECK(e.message ==
        "line 3, column 24: column \"imge\" does not exist in t\n"
        "    SELECT 'äöü€𝄞' AS a, imge FROM t\n"
        "                         ^");
  const auto syntax = error_of("/* é */ CREATE MATERIALIZED VIEW e AS SELECT 'é' = = 2 FROM t", names);
  CHECK(syntax.message.starts_with("line 1, column 52: syntax error at or near \"=\""));
}

TEST_CASE("a second statement's error is placed in the whole file") {
  const auto e =
      error_of("CREATE TABLE a (k text) WITH (format = 'json');\nCREATE TABLE b (k txt) WITH (format = 'json');");
  CHECK(e.message.starts_with("line 2, column 19: type \"txt\" does not exist"));
}

TEST_CASE("limits of statements, names, columns, keys and expressions are kept") {
  const auto names = catalog_of(words_catalog);
  const std::string huge = "CREATE MATERIALIZED VIEW e AS SELECT '" + std::string(33'000, 'a') + "' AS y FROM t";
  CHECK(error_of(huge, names).code == errc::limit_exceeded);
  const std::string name(64, 'n');
  CHECK(error_of("CREATE TABLE " + name + " (k text) WITH (format = 'json')").code == errc::limit_exceeded);
  CHECK(error_of("CREATE TABLE \"" + name + "\" (k text) WITH (format = 'json')").code == errc::limit_exceeded);
  CHECK(catalog_of("CREATE TABLE " + name.substr(1) + " (k text) WITH (format = 'json')").streams.size() == 1);
  sql_limits few;
  few.expression_nodes = 5;
  CHECK_FALSE(plan_script("CREATE MATERIALIZED VIEW e AS SELECT n+n+n+n+n+n AS y FROM t", names, few).has_value());
  few = {};
  few.columns = 2;
  CHECK(plan_script("CREATE MATERIALIZED VIEW e AS SELECT k, n, x FROM t", names, few).error().code ==
        errc::limit_exceeded);
  CHECK(plan_script("CREATE TABLE e (a text, b text, c text) WITH (format = 'json')", names, few).error().code ==
        errc::limit_exceeded);
  few = {};
  few.group_keys = 1;
  CHECK(plan_script("CREATE MATERIALIZED VIEW e WITH (ttl = '1 s') AS SELECT k, n FROM t GROUP BY k, n", names, few)
            .error()
            .code == errc::limit_exceeded);
}

TEST_CASE("text that is not UTF-8 or holds NUL is refused") {
  CHECK(error_of(std::string_view("CREATE TABLE \xff (k text)")).code == errc::parse_error);
  CHECK(error_of(std::string_view("CREATE TABLE a\0(k text)", 23)).code == errc::parse_error);
}

TEST_CASE("the deepest statement that the byte limit allows is an error, not a crash") {
  const auto names = catalog_of(words_catalog);
  const auto nested = [](std::string_view open, std::string_view inner, std::string_view close) {
    std::string out = "CREATE MATERIALIZED VIEW e AS SELECT ";
    const std::size_t depth = (32'000 - out.size()) / (open.size() + close.size());
    for (std::size_t i = 0; i < depth; ++i) out += open;
    out += inner;
    for (std::size_t i = 0; i < depth; ++i) out += close;
    return out + " AS y FROM t";
  };
  for (const auto& sql :
       {nested("(", "n", ")"), nested("NOT ", "b", ""), nested("n+", "n", ""), nested("abs(", "n", ")"),
        nested("- ", "n", ""), nested("case when b then ", "1", " end"), nested("", "n", "::text"),
        nested("(select ", "1", ")"), nested("", "j", "->'a'"), nested("array[", "1", "]")}) {
    const auto planned = plan_script(sql, names);
    if (!planned) CHECK_FALSE(planned.error().message.empty());
  }
}

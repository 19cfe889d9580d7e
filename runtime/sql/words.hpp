// Every word of SQL that weir knows: those that run, and those it refuses together with what to write instead.
// The binder takes its refusals from here, tests plan and run every example, the documentation is rendered from it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weir {

enum class word_kind : std::uint8_t { statements, clauses, windows, aggregates, functions, operators, types, options };

struct sql_word {
  std::string word;
  word_kind kind = word_kind::functions;
  std::string example;  // a complete statement over words_catalog; one that begins with SELECT is a pull query
  bool runs = true;
  std::string reason;   // of a refusal
  std::string instead;  // what to write instead
};

// The streams and views that the examples read.
inline constexpr std::string_view words_catalog = R"sql(
CREATE TABLE t (k text NOT NULL, n bigint, x double precision, b boolean, at timestamptz, d interval, j json, raw bytea)
  WITH (format = 'json', event_time = 'at', lateness = '2 s');
CREATE MATERIALIZED VIEW v AS SELECT k, n, x, at FROM t;
CREATE MATERIALIZED VIEW w AS
  SELECT window_start, k, count(*) AS c, sum(x) AS s FROM tumble(t, interval '10 seconds') GROUP BY window_start, k;
CREATE MATERIALIZED VIEW u WITH (max_rows = 1000) AS SELECT k, count(*) AS c, sum(n) AS s FROM t GROUP BY k;
)sql";

const std::vector<sql_word>& sql_words();
// By its name in lower case; null when the table does not have it.
const sql_word* find_word(std::string_view word);
std::string_view to_string(word_kind kind);
// The table as markdown: one section per kind, one row per word.
std::string words_as_markdown();

}  // namespace weir

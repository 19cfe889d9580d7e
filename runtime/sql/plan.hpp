// What SQL statements become. Plans are immutable; the engine's operators run them (runtime/operators).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "runtime/batch/schema.hpp"
#include "runtime/format/record_decoder.hpp"
#include "runtime/sql/expression.hpp"

namespace weir {

// CREATE TABLE name (columns) WITH (...).
struct stream_definition {
  std::string name;
  schema_ptr columns;
  format_spec format;                           // format = 'json' and the format's own options
  std::optional<std::size_t> event_time;        // column (timestamptz, or bigint with its unit); none: time of arrival
  std::int64_t event_time_unit_us = 1;          // of a bigint event time column: us 1, ms 1000, s 1000000
  std::int64_t lateness_us = 0;                 // how far behind its newest record a source's watermark stays
  std::int64_t idle_us = 0;                     // a source silent for so long holds nothing back; 0: never idle
  std::int64_t max_future_us = 86'400'000'000;  // event times further ahead of arrival are dead letters
  std::int64_t retention_us = 0;                // age from which records may be dropped; 0: log.retention
  std::string sql;                              // the statement as given
};

enum class window_kind : std::uint8_t { none, tumble, session };

struct window_spec {
  window_kind kind = window_kind::none;
  std::int64_t size_us = 0;    // tumble: length; session: gap. Records no more than the gap apart are of one session.
  std::int64_t offset_us = 0;  // tumble: shift of the window starts against 1970-01-01T00:00:00Z
};

enum class aggregate_kind : std::uint8_t { count_rows, count, sum, avg, min, max, stddev, variance, first, last };

struct aggregate_call {
  aggregate_kind kind = aggregate_kind::count_rows;
  expression_ptr argument;             // none for count(*)
  expression_ptr filter;               // FILTER (WHERE ...); none: all rows
  bool distinct = false;               // count, sum and avg
  data_type type = data_type::bigint;  // of the result
};

enum class view_kind : std::uint8_t {
  append,  // rows are only added
  upsert,  // rows are keyed by `key_columns`; a later row replaces the earlier one, a tombstone deletes it
};

enum class emit_mode : std::uint8_t {
  final_rows,  // a window's row once, when the watermark has closed it
  changes,     // the current row of every group that an epoch changed
};

// A column of a view's input as its expressions see it: a column of the stream or view it reads, or what weir knows of
// every record.
struct input_field {
  enum class origin : std::uint8_t { column, source, event_time };
  origin from = origin::column;
  std::size_t column = 0;  // index in the input's schema, for origin::column
};

// CREATE MATERIALIZED VIEW name WITH (...) AS SELECT ...
//
// Without grouping: filter by `where`, answer `output` over `input_columns`.
// With grouping: filter, group by `keys` (and the window), aggregate; `having` and `output` are over `group_columns`:
//   [key 0 .. key n-1, window_start, window_end (both timestamptz, only when there is a window), aggregate 0 .. m-1].
struct view_plan {
  std::string name;
  std::string input;  // the stream or view it reads
  bool input_is_stream = true;
  view_kind input_kind = view_kind::append;

  schema_ptr input_columns;               // what `where`, `keys` and aggregates are bound to
  std::vector<input_field> input_fields;  // where each comes from
  expression_ptr where;                   // boolean; none: all rows

  bool grouped = false;
  window_spec window;
  std::vector<expression_ptr> keys;
  std::vector<aggregate_call> aggregates;
  schema_ptr group_columns;
  expression_ptr having;  // boolean; none: all groups
  // The group key holds the record's source: windows close on that source alone, no shuffle is needed (PROTOCOL 12).
  bool keyed_by_source = false;
  std::size_t source_key = 0;  // index in `keys`, when keyed_by_source

  std::vector<expression_ptr> output;
  schema_ptr output_columns;
  view_kind kind = view_kind::append;
  emit_mode emit = emit_mode::final_rows;
  // Of the output: the row's key in its table. Upsert views: all group keys (and the window); append views that are
  // grouped: likewise; else empty (no key). Stateless views over an upsert view: that view's key.
  std::vector<std::size_t> key_columns;
  std::optional<std::size_t> source_column;  // output column that is the record's source, unchanged
  std::int64_t ttl_us = 0;                   // running tables: groups older (event time) are dropped; 0: never
  std::int64_t max_rows = 0;                 // running tables: groups kept per shard; 0: no limit
  std::string topic;                         // Kafka topic that the rows go out to as well; empty: none
  format_spec topic_format;                  // of it
  std::string sql;
};

// SELECT over a view, a pull query: filter, optionally group, sort, limit.
struct pull_plan {
  std::string view;
  schema_ptr input_columns;  // all columns of the view
  expression_ptr where;
  bool grouped = false;
  std::vector<expression_ptr> keys;
  std::vector<aggregate_call> aggregates;
  schema_ptr group_columns;  // as in view_plan, without a window
  expression_ptr having;
  std::vector<expression_ptr> output;
  schema_ptr output_columns;
  struct sort_key {
    std::size_t column = 0;  // of `sort_input`
    bool descending = false;
    bool nulls_first = false;
  };
  std::vector<expression_ptr> sort_input;  // bound to the same columns as `output`
  std::vector<sort_key> sort;
  std::optional<std::int64_t> limit;
  std::int64_t offset = 0;
};

// A statement of an SQL file.
using statement = std::variant<stream_definition, view_plan, pull_plan>;

// What names mean to the binder: streams and views that exist already.
struct catalog {
  std::map<std::string, stream_definition, std::less<>> streams;
  std::map<std::string, view_plan, std::less<>> views;
};

struct sql_limits {
  std::size_t statement_bytes = 32 * 1024;
  std::size_t identifier_bytes = 63;
  std::size_t expression_nodes = 10'000;
  std::size_t columns = 1'000;
  std::size_t group_keys = 64;
};

struct sql_error_position {
  std::size_t line = 0;    // 1-based; 0: unknown
  std::size_t column = 0;  // 1-based, in characters
};

}  // namespace weir

#include "tests/fuzz/rows.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "actors/shard/task_node.hpp"
#include "runtime/format/csv_writer.hpp"
#include "runtime/format/framer.hpp"
#include "runtime/format/json_scanner.hpp"
#include "runtime/format/json_writer.hpp"
#include "runtime/format/text_value.hpp"
#include "runtime/sql/sql.hpp"
#include "runtime/sql/words.hpp"
#include "runtime/time/timestamp.hpp"
#include "tests/fuzz/fuzz_target.hpp"

namespace weir::fuzz {

namespace {

constexpr std::size_t max_record = 1 << 20;

// JSON and CSV write a json value's line breaks as blanks; JSON does not keep what stands around a value.
std::string without_breaks(std::string_view json) {
  constexpr std::string_view blanks = " \t\r\n";
  const auto first = std::min(json.find_first_not_of(blanks), json.size());
  std::string out(json.substr(first, json.find_last_not_of(blanks) + 1 - first));
  std::replace(out.begin(), out.end(), '\n', ' ');
  std::replace(out.begin(), out.end(), '\r', ' ');
  return out;
}

bool same_value(const column& a, const column& b, std::size_t row) {
  if (a.is_null(row) != b.is_null(row)) return false;
  if (a.is_null(row)) return true;
  if (a.type() == data_type::json) return without_breaks(a.text(row)) == without_breaks(b.text(row));
  if (is_text_like(a.type())) return a.text(row) == b.text(row);
  if (a.type() != data_type::double_precision) return a.ints()[row] == b.ints()[row];
  const double x = a.doubles()[row], y = b.doubles()[row];
  return (std::isnan(x) && std::isnan(y)) || std::bit_cast<std::uint64_t>(x) == std::bit_cast<std::uint64_t>(y);
}

// A json value that is the word null is written as the word null, which is read as null.
bool is_null_word(const column& c, std::size_t row) {
  return c.type() == data_type::json && !c.is_null(row) &&
         c.text(row).find_first_not_of(" \t\r\n") != c.text(row).npos &&
         c.text(row).find("null") == c.text(row).find_first_not_of(" \t\r\n");
}

void compare(const record_batch& written, const record_batch& read, bool null_words_vanish, std::string_view how) {
  require(read.rows == written.rows, "{} rows come back from {} as {}", written.rows, how, read.rows);
  for (std::size_t c = 0; c < written.columns.size(); ++c) {
    const auto &a = *written.columns[c], &b = *read.columns[c];
    for (std::size_t row = 0; row < written.rows; ++row) {
      if (null_words_vanish && is_null_word(a, row) && b.is_null(row)) continue;
      require(same_value(a, b, row), "row {} of column {} comes back from {} as another", row,
              written.columns_schema->fields[c].name, how);
    }
  }
}

void check_value(const column& c, std::size_t row) {
  if (c.is_null(row)) return;
  if (c.type() == data_type::text) require(is_valid_utf8(c.text(row)), "a text is no UTF-8");
  if (c.type() == data_type::json)
    require(check_json(c.text(row)).has_value(), "a json value is no JSON: {}", c.text(row));
  if (c.type() == data_type::boolean) require(c.ints()[row] == 0 || c.ints()[row] == 1, "a boolean is neither");
  if (c.type() == data_type::timestamptz)
    require(c.ints()[row] >= timestamp_min_us && c.ints()[row] <= timestamp_max_us, "a time that no text can say: {}",
            c.ints()[row]);
}

void check_json_round_trip(const record_batch& rows) {
  raw_records texts;
  for (std::size_t row = 0; row < rows.rows; ++row) {
    std::string text;
    append_json_row(text, rows, row);
    require(text.find('\n') == text.npos && check_json(text).has_value(), "a row's JSON is not one line of it: {}",
            text);
    texts.append(text);
  }
  auto decoder = make_record_decoder({"json", {}}, rows.columns_schema, {}, true);
  require(decoder.has_value(), "the schema of rows is refused");
  compare(rows, decode_checked(**decoder, rows.columns_schema, texts, nullptr, "JSON"), true, "JSON");
}

void check_csv_round_trip(const record_batch& rows) {
  std::string file;
  append_csv_header(file, *rows.columns_schema);
  for (std::size_t row = 0; row < rows.rows; ++row) append_csv_row(file, rows, row);
  auto framing = make_framer({"csv", {}}, max_record, {});
  raw_records records;
  std::vector<frame_failure> failures;
  (*framing)->feed(file, records, failures);
  (*framing)->finish(records, failures);
  require(failures.empty(), "a written CSV file cannot be framed");
  auto decoder = make_record_decoder({"csv", {}}, rows.columns_schema, (*framing)->context(), true);
  require(decoder.has_value(), "a written CSV header is refused");
  compare(rows, decode_checked(**decoder, rows.columns_schema, records, nullptr, "CSV"), false, "CSV");
}

std::vector<view_plan> make_views() {
  const char* selects[] = {
      "SELECT source, event_time, k, n + 1 AS n1, x / 2 AS half, NOT b AS nb, at, d, j, raw FROM t",
      "SELECT lower(k) AS a, upper(k) AS b1, initcap(k) AS c, reverse(k) AS e, substring(k from 2 for 3) AS f, "
      "left(k, 2) AS g, right(k, -1) AS h, split_part(k, ',', 1) AS i, trim(both 'x' from k) AS l, length(k) AS m, "
      "replace(k, 'a', 'bb') AS o, lpad(k, 8, '0') AS p, k LIKE '%a_%' AS q, k ILIKE 'A%' AS r, k ~ '^a+' AS s, "
      "position('a' in k) AS u, k || '-' || n AS y, concat(k, n, x) AS z FROM t",
      "SELECT round(x, 2) AS a, trunc(x) AS b1, ceil(x) AS c, power(abs(x), 0.5) AS e, n % 7 AS f, sign(x) AS g, "
      "greatest(n, 1) AS h, least(x, 1) AS i, x::bigint AS l, n::double precision AS m, x::text AS o, -n AS p, "
      "n * n AS q FROM t",
      "SELECT extract(year from at) AS a, extract(dow from at) AS b1, date_trunc('month', at) AS c, at + d AS e, "
      "at - timestamptz '2020-01-01' AS f, date_bin('15 minutes', at, timestamptz '2020-01-01') AS g, "
      "to_char(at, 'YYYY-MM-DD HH24:MI:SS.MS FMDay DDD') AS h, date_part('epoch', d) AS i, d::text AS l, "
      "to_timestamp(n) AS m, extract(epoch from at) AS o, date_trunc('day', d) AS p, extract(second from d) AS q, "
      "date_bin(d, at, timestamptz '9999-12-31') AS r FROM t",
      "SELECT j -> 'a' -> 0 AS a, j ->> 'b' AS b1, j -> 1 AS c, json_typeof(j) AS e, j::text AS f, raw::text AS g, "
      "octet_length(raw) AS h, CASE WHEN n > 1 THEN k WHEN b THEN 'b' END AS i, coalesce(k, n::text) AS l FROM t",
      "SELECT k::bigint AS y FROM t",
      "SELECT k::double precision AS y FROM t",
      "SELECT k::timestamptz AS y FROM t",
      "SELECT k::interval AS y FROM t",
      "SELECT k::json AS y, k::json -> 'a' AS z FROM t",
      "SELECT window_start, k, count(*) AS a, sum(n) AS b1, avg(x) AS c, min(at) AS e, max(k) AS f, stddev(x) AS g, "
      "variance(n) AS h, first(x) AS i, last(j) AS l, count(DISTINCT n) AS m, sum(x) FILTER (WHERE b) AS o, min(d) AS "
      "p "
      "FROM tumble(t, interval '7 days', interval '1 hour') GROUP BY window_start, k",
      "SELECT window_start, window_end, source, sum(x) AS a, min(d) AS b1, last(raw) AS c FROM "
      "session(t, interval '3 seconds') GROUP BY window_start, window_end, source",
      "SELECT window_end, source, x, sum(n) AS a, avg(n) AS b1 FROM tumble(t, interval '10 seconds') "
      "GROUP BY window_end, source, x",
  };
  const char* running[] = {
      "WITH (max_rows = 3, ttl = '1 day') AS SELECT k, n, count(*) AS a, sum(x) AS b1, max(x) AS c FROM t GROUP BY k, "
      "n",
      "WITH (emit = 'changes') AS SELECT window_start, b, sum(n) AS a, first(k) AS b1 FROM "
      "tumble(t, interval '1 minute') GROUP BY window_start, b HAVING count(*) > 1",
  };
  std::vector<view_plan> out;
  const auto add = [&](const std::string& definition) {
    auto planned = plan_script("CREATE MATERIALIZED VIEW e " + definition, names());
    if (!planned) throw violation(planned.error().text());
    out.push_back(std::get<view_plan>(planned->front()));
  };
  for (const auto* select : selects) add(fmt::format("AS {}", select));
  for (const auto* view : running) add(view);
  return out;
}

const std::vector<view_plan>& views() {
  static const auto made = make_views();
  return made;
}

void require_ok(const status& done, std::string_view what) {
  // A view may stop at a limit, or at a value that it cannot take; nothing else is an answer to rows that were decoded.
  if (!done && done.error().code != errc::limit_exceeded)
    throw violation(fmt::format("{}: {}", what, done.error().text()));
}

}  // namespace

const catalog& names() {
  static const catalog made = [] {
    catalog out;
    auto planned = plan_script(words_catalog, {});
    if (!planned) throw violation(planned.error().text());
    for (const auto& p : *planned) {
      if (const auto* stream = std::get_if<stream_definition>(&p)) out.streams.emplace(stream->name, *stream);
      if (const auto* view = std::get_if<view_plan>(&p)) out.views.emplace(view->name, *view);
    }
    return out;
  }();
  return made;
}

schema_ptr every_type() { return names().streams.find("t")->second.columns; }

void check_same(const record_batch& a, const record_batch& b, std::string_view how) { compare(a, b, false, how); }

record_batch decode_checked(record_decoder& decoder, const schema_ptr& columns, const raw_records& records,
                            raw_records* accepted, std::string_view written_by) {
  batch_builder builder(columns);
  std::vector<std::uint32_t> decoded;
  std::vector<decode_failure> failures;
  decoder.decode(records, 0, records.size(), builder, decoded, failures);
  auto rows = builder.finish();
  require(rows.rows == decoded.size() && decoded.size() + failures.size() == records.size(),
          "{} records gave {} rows and {} failures", records.size(), rows.rows, failures.size());
  if (accepted != nullptr)
    for (const auto i : decoded) accepted->append(records[i]);
  for (const auto& f : failures)
    require(!f.reason.empty() && is_valid_utf8(f.reason), "a failure's reason is no text: {}", f.reason);
  if (!written_by.empty() && !failures.empty())
    throw violation(fmt::format("a row written as {} cannot be read: {}", written_by, failures.front().reason));
  for (std::size_t c = 0; c < rows.columns.size(); ++c) {
    require(rows.columns[c]->size() == rows.rows, "column {} has another length than its batch", c);
    for (std::size_t row = 0; row < rows.rows; ++row) check_value(*rows.columns[c], row);
  }
  return rows;
}

void check_round_trips(const record_batch& rows) {
  check_json_round_trip(rows);
  // A null in the only column is an empty line, which readers skip.
  if (rows.columns.size() > 1) check_csv_round_trip(rows);
}

stamped_batch stamped(const record_batch& rows) {
  stamped_batch out;
  out.rows = rows;
  const auto at = rows.columns_schema->find("at");
  for (std::size_t row = 0; row < rows.rows; ++row) {
    const bool timed = at && rows.columns[*at]->type() == data_type::timestamptz && !rows.columns[*at]->is_null(row);
    out.event_time_us.push_back(timed ? rows.columns[*at]->ints()[row] : static_cast<std::int64_t>(row) * us_per_s);
    out.source.push_back(row % 2);
    out.sequence.push_back(row);
    out.late.push_back(row % 5 == 4 ? std::uint8_t{late_for_stream} : std::uint8_t{0});
  }
  out.sources = std::make_shared<const std::vector<std::string>>(std::vector<std::string>{"north", "south"});
  return out;
}

std::unique_ptr<view_operator> make_owner(const view_plan& plan) {
  if (needs_shuffle(plan)) return make_merging_operator(plan, {});
  return make_view_operator(plan, {});
}

std::vector<std::string> close_windows(view_operator& op, bool real_state) {
  operator_output out;
  time_progress end;
  end.stream.watermark_us = timestamp_max_us + 400 * us_per_day;
  for (const char* source : {"north", "south"}) end.by_source[source] = end.stream;
  require_ok(op.advance(end, out), "closing windows");
  std::vector<state_change> changes;
  require_ok(op.cut(out, changes), "the last cut");
  std::vector<std::string> texts;
  for (std::size_t row = 0; row < out.rows.size(); ++row) append_json_row(texts.emplace_back(), out.rows.rows, row);
  std::sort(texts.begin(), texts.end());
  if (real_state && out.rows.size() > 0) check_round_trips(out.rows.rows);
  return texts;
}

std::size_t view_count() { return views().size(); }

void evaluate(const stamped_batch& rows, std::size_t view) { run_view(views()[view % views().size()], rows); }

void run_view(const view_plan& plan, const stamped_batch& rows) {
  const auto owner = make_owner(plan);
  const auto bound = bind_input(plan, rows, {});
  operator_output out;
  if (needs_shuffle(plan)) {
    const auto partial = make_partial_operator(plan, 1, {});
    const auto taken = partial->process(bound, out);
    if (!taken) return require_ok(taken, "partial groups");
    std::vector<shuffle_entry> entries;
    require_ok(partial->cut(entries), "a partial cut");
    for (const auto& e : entries)
      require_ok(static_cast<merging_operator&>(*owner).merge(e.value, out), "merging partial groups");
  } else if (const auto taken = owner->process(bound, out); !taken) {
    return require_ok(taken, "rows");
  }
  for (const auto& refused : out.dead) require(!refused.reason.empty(), "a refused row has no reason");
  std::vector<state_change> changes;
  require_ok(owner->cut(out, changes), "a cut");
  if (out.rows.size() > 0) check_round_trips(out.rows.rows);
  if (!plan.grouped) return;
  const auto restored = make_owner(plan);
  for (const auto& c : changes)
    if (c.value) require_ok(restored->restore(c.key, *c.value), "taking state back");
  for (const auto& c : changes) restored->forget(c.key);
  require(restored->group_count() == 0, "a group stays when all state was forgotten");
  for (const auto& c : changes)
    if (c.value) require_ok(restored->restore(c.key, *c.value), "taking state back once more");
  require(close_windows(*owner) == close_windows(*restored), "state that was taken back closes with other rows");
}

}  // namespace weir::fuzz

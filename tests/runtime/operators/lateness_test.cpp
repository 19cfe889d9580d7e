#include <catch2/catch.hpp>

#include "runtime/fault/protocol_rules.hpp"
#include "runtime/time/timestamp.hpp"
#include "tests/support/operator_runs.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

constexpr std::int64_t s = 1'000'000;
using texts = std::vector<std::string>;
const window_spec five_seconds{window_kind::tumble, 5 * s, 0};
const window_spec session_of_two{window_kind::session, 2 * s, 0};

test_row at(std::int64_t t, std::uint8_t late = 0, std::string source = "a", std::string image = "x") {
  test_row r;
  r.source = std::move(source);
  r.event_time_us = t;
  r.image = std::move(image);
  r.number = t;
  r.late = late;
  r.sequence = 77;
  return r;
}

view_plan counted(window_spec window, expression_ptr key) {
  return grouped_plan(window, {std::move(key)}, {call(aggregate_kind::count_rows)});
}

time_progress of_source(std::int64_t mark, std::int64_t flushed = no_watermark, std::int64_t stream = no_watermark) {
  time_progress p;
  p.by_source["a"] = {mark, flushed};
  p.stream.watermark_us = stream;
  return p;
}

time_progress of_stream(std::int64_t mark, std::int64_t flushed = no_watermark) {
  time_progress p;
  p.stream = {mark, flushed};
  return p;
}

texts entries_as_rows(const view_plan& plan, const std::vector<shuffle_entry>& entries, std::int64_t until) {
  auto merging = make_merging_operator(plan, {});
  operator_output out;
  for (const auto& e : entries) REQUIRE(merging->merge(e.value, out));
  REQUIRE(merging->advance(of_stream(until), out));
  return rows_of(out);
}

}  // namespace

TEST_CASE("a late record never enters a window, even one still open") {
  auto op = make_view_operator(counted(five_seconds, source_column()), {});
  operator_output out;
  REQUIRE(op->process(make_batch({at(1 * s), at(2 * s, late_for_source), at(3 * s, late_for_stream)}, true), out));
  REQUIRE(op->advance(of_source(5 * s), out));
  CHECK(rows_of(out) == texts{"a|0|5000000|2"});
  REQUIRE(out.late.size() == 1);
  CHECK(out.late[0].reason == "late: event time 1970-01-01T00:00:02Z is behind the watermark of its source");
  CHECK(out.late[0].original == "raw 77");
  CHECK(out.late[0].source == "a");
  CHECK(out.late[0].sequence == 77);
  CHECK(out.late[0].event_time_us == 2 * s);
}

TEST_CASE("windows that do not close on a source go by lateness for the stream") {
  const auto plan = counted(five_seconds, image_column());
  auto partial = make_partial_operator(plan, 2, {});
  operator_output out;
  REQUIRE(partial->process(make_batch({at(1 * s, late_for_source), at(2 * s, late_for_stream)}), out));
  REQUIRE(out.late.size() == 1);
  CHECK(out.late[0].event_time_us == 2 * s);
  CHECK(out.late[0].original == R"({"source":"a","image":"x","value":null,"number":2000000})");
  std::vector<shuffle_entry> entries;
  REQUIRE(partial->cut(entries));
  CHECK(entries_as_rows(plan, entries, 5 * s) == texts{"x|0|5000000|1"});
}

TEST_CASE("a late row that fails the filter is nothing") {
  auto plan = counted(five_seconds, source_column());
  plan.where = predicate([](const record_batch& b, std::size_t row) { return b.columns[3]->ints()[row] > 2 * s; });
  auto op = make_view_operator(plan, {});
  operator_output out;
  REQUIRE(op->process(make_batch({at(1 * s, late_for_source), at(3 * s, late_for_source)}), out));
  CHECK(out.late.size() == 1);
}

TEST_CASE("views without a window take late rows") {
  operator_output out;
  auto running = make_view_operator(counted({}, source_column()), {});
  REQUIRE(running->process(make_batch({at(1, late_for_source | late_for_stream)}), out));
  std::vector<state_change> changes;
  REQUIRE(running->cut(out, changes));
  CHECK(rows_of(out) == texts{"+ a|1"});
  CHECK(out.late.empty());
}

TEST_CASE("a flush closes the window that holds it for all keys, and later records for it are late") {
  auto op = make_view_operator(counted(five_seconds, source_column()), {});
  operator_output out;
  REQUIRE(op->process(make_batch({at(6 * s), at(11 * s)}), out));
  REQUIRE(op->advance(of_source(1 * s, 7 * s), out));
  CHECK(rows_of(out) == texts{"a|5000000|10000000|1"});
  out = {};
  REQUIRE(op->process(make_batch({at(10 * s - 1), at(10 * s), at(9 * s, 0, "b")}), out));
  REQUIRE(out.late.size() == 1);
  CHECK(out.late[0].reason.find("closed when its sources ended") != std::string::npos);
  REQUIRE(op->advance(of_source(15 * s), out));
  CHECK(rows_of(out) == texts{"a|10000000|15000000|2"});
}

TEST_CASE("after a flush a record at most the gap behind it is late for sessions") {
  const auto plan = counted(session_of_two, image_column());
  auto partial = make_partial_operator(plan, 1, {});
  auto merging = make_merging_operator(plan, {});
  operator_output out;
  std::vector<shuffle_entry> entries;
  REQUIRE(partial->process(make_batch({at(5 * s)}), out));
  REQUIRE(partial->cut(entries));
  REQUIRE(partial->advance(of_stream(3 * s, 5 * s)));
  REQUIRE(merging->merge(entries.at(0).value, out));
  REQUIRE(merging->advance(of_stream(3 * s, 5 * s), out));
  CHECK(rows_of(out) == texts{"x|5000000|7000000|1"});
  out = {};
  entries.clear();
  REQUIRE(partial->process(make_batch({at(7 * s), at(7 * s + 1)}), out));
  REQUIRE(out.late.size() == 1);
  CHECK(out.late[0].event_time_us == 7 * s);
  REQUIRE(partial->cut(entries));
  CHECK(entries_as_rows(plan, entries, 100 * s) == texts{"x|7000001|9000001|1"});
}

TEST_CASE("the flush horizon survives a restore") {
  auto op = make_view_operator(counted(five_seconds, source_column()), {});
  operator_output out;
  REQUIRE(op->advance(of_source(1 * s, 7 * s), out));
  std::vector<state_change> changes;
  REQUIRE(op->cut(out, changes));
  auto again = make_view_operator(counted(five_seconds, source_column()), {});
  for (const auto& c : changes) REQUIRE(again->restore(c.key, *c.value));
  REQUIRE(again->process(make_batch({at(9 * s)}), out));
  CHECK(out.late.size() == 1);
}

TEST_CASE("a session takes a record exactly the gap away, and closes behind its end") {
  auto op = make_view_operator(counted(session_of_two, source_column()), {});
  operator_output out;
  REQUIRE(op->process(make_batch({at(1 * s), at(3 * s), at(5 * s + 1)}), out));
  REQUIRE(op->advance(of_source(5 * s), out));
  CHECK(out.rows.size() == 0);
  REQUIRE(op->advance(of_source(5 * s + 1), out));
  CHECK(rows_of(out) == texts{"a|1000000|5000000|2"});
  CHECK(out.rows.event_time_us[0] == 5 * s - 1000);
}

TEST_CASE("rule 14: a partial for a closed window is a defect, not an answer") {
  for (const auto& window : {five_seconds, session_of_two}) {
    const auto plan = counted(window, image_column());
    auto partial = make_partial_operator(plan, 1, {});
    auto merging = make_merging_operator(plan, {});
    operator_output out;
    std::vector<shuffle_entry> entries;
    REQUIRE(partial->process(make_batch({at(1 * s)}), out));
    REQUIRE(partial->cut(entries));
    REQUIRE(merging->advance(of_stream(20 * s), out));
    const auto refused = merging->merge(entries.at(0).value, out);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == errc::internal);

    rule_switched_off off(14);  // the same partial opens the closed window again
    auto careless = make_merging_operator(plan, {});
    REQUIRE(careless->advance(of_stream(20 * s), out));
    CHECK(careless->merge(entries.at(0).value, out));
  }
}

TEST_CASE("rows of windows are late for the stream when it was past their end before") {
  auto op = make_view_operator(counted(five_seconds, source_column()), {});
  operator_output out;
  REQUIRE(op->process(make_batch({at(1 * s), at(6 * s)}), out));
  REQUIRE(op->advance(of_source(0, no_watermark, 5 * s), out));
  CHECK(out.rows.size() == 0);
  REQUIRE(op->advance(of_source(10 * s, no_watermark, 100 * s), out));
  CHECK(rows_of(out) == texts{"a|0|5000000|1", "a|5000000|10000000|1"});
  CHECK(out.rows.late == std::vector<std::uint8_t>{late_for_stream, 0});
}

TEST_CASE("rows that close together stand in the order of window end and key") {
  auto op = make_merging_operator(counted(five_seconds, image_column()), {});
  auto partial = make_partial_operator(counted(five_seconds, image_column()), 1, {});
  operator_output out;
  REQUIRE(partial->process(make_batch({at(6 * s, 0, "a", "b"), at(1 * s, 0, "a", "z"), at(6 * s, 0, "a", "a")}), out));
  std::vector<shuffle_entry> entries;
  REQUIRE(partial->cut(entries));
  for (const auto& e : entries) REQUIRE(op->merge(e.value, out));
  REQUIRE(op->advance(of_stream(100 * s), out));
  CHECK(rows_of(out) == texts{"z|0|5000000|1", "a|5000000|10000000|1", "b|5000000|10000000|1"});
}

TEST_CASE("windows before 1970 begin at or before their records") {
  auto op = make_view_operator(counted({window_kind::tumble, 5 * s, 2 * s}, source_column()), {});
  operator_output out;
  REQUIRE(op->process(make_batch({at(-1)}), out));
  REQUIRE(op->advance(of_source(100 * s), out));
  CHECK(rows_of(out) == texts{"a|-3000000|2000000|1"});
}

TEST_CASE("an event time outside the calendar is a dead letter") {
  auto op = make_view_operator(counted(five_seconds, source_column()), {});
  operator_output out;
  REQUIRE(op->process(make_batch({at(timestamp_max_us + 1), at(no_watermark), at(1)}), out));
  CHECK(out.dead.size() == 2);
  CHECK(op->group_count() == 1);
}

TEST_CASE("the stream's clock survives a restore") {
  const auto plan = counted(five_seconds, image_column());
  auto partial = make_partial_operator(plan, 1, {});
  auto merging = make_merging_operator(plan, {});
  operator_output out;
  std::vector<shuffle_entry> entries;
  std::vector<state_change> changes;
  REQUIRE(partial->process(make_batch({at(1 * s)}), out));
  REQUIRE(partial->cut(entries));
  REQUIRE(merging->advance(of_stream(20 * s), out));
  REQUIRE(merging->cut(out, changes));
  auto again = make_merging_operator(plan, {});
  for (const auto& c : changes) REQUIRE(again->restore(c.key, *c.value));
  const auto refused = again->merge(entries.at(0).value, out);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::internal);
}

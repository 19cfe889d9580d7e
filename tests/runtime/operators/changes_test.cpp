#include <catch2/catch.hpp>
#include <map>
#include <random>

#include "tests/support/operator_runs.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

constexpr std::int64_t s = 1'000'000;
using texts = std::vector<std::string>;

view_plan running_per_source() {
  return grouped_plan({}, {source_column()},
                      {call(aggregate_kind::count_rows), call(aggregate_kind::sum, number_column())});
}

test_row row(std::string source, std::int64_t t, std::int64_t number, std::int8_t sign = 1) {
  test_row r;
  r.source = std::move(source);
  r.event_time_us = t;
  r.number = number;
  r.sign = sign;
  return r;
}

struct run {
  explicit run(const view_plan& plan) : op(make_view_operator(plan, {})) {}
  void rows(const std::vector<test_row>& input) { REQUIRE(op->process(make_batch(input), out)); }
  texts cut() {
    changes.clear();
    REQUIRE(op->cut(out, changes));
    return take();
  }
  texts advance(std::int64_t source_mark, std::int64_t stream_mark = no_watermark) {
    time_progress p;
    p.stream.watermark_us = stream_mark;
    for (const auto* source : {"a", "b", "c"}) p.by_source[source].watermark_us = source_mark;
    REQUIRE(op->advance(p, out));
    return take();
  }
  texts take() {
    auto r = rows_of(out);
    last = std::move(out);
    out = {};
    return r;
  }
  std::unique_ptr<view_operator> op;
  operator_output out, last;
  std::vector<state_change> changes;
};

}  // namespace

TEST_CASE("a running group takes its old row back and gives its new one, once per cut") {
  run r(running_per_source());
  r.rows({row("a", 1, 5), row("b", 2, 1), row("a", 7, 6)});
  CHECK(r.cut() == texts{"+ a|2|11", "+ b|1|1"});
  CHECK(r.last.rows.event_time_us == std::vector<std::int64_t>{7, 2});
  CHECK(r.last.keys.size() == 2);
  r.rows({row("a", 3, 1)});
  CHECK(r.cut() == texts{"- a|2|11", "+ a|3|12"});
  CHECK(r.cut().empty());
  CHECK(r.changes.empty());
}

TEST_CASE("a change that leaves the row as it was says nothing") {
  auto plan = grouped_plan({}, {source_column()}, {call(aggregate_kind::max, number_column())});
  run r(plan);
  r.rows({row("a", 1, 5)});
  CHECK(r.cut() == texts{"+ a|5"});
  r.rows({row("a", 2, 4)});
  CHECK(r.cut().empty());
  CHECK(r.changes.size() == 1);
}

TEST_CASE("a group that no longer passes HAVING takes its row back, one that never did says nothing") {
  auto plan = running_per_source();
  plan.having = predicate([](const record_batch& b, std::size_t i) { return b.columns[2]->ints()[i] < 10; });
  run r(plan);
  r.rows({row("a", 1, 5), row("b", 1, 50)});
  CHECK(r.cut() == texts{"+ a|1|5"});
  r.rows({row("a", 1, 5), row("b", 1, 50)});
  CHECK(r.cut() == texts{"- a|1|5"});
  r.rows({row("a", 1, -7)});
  CHECK(r.cut() == texts{"+ a|3|3"});
}

TEST_CASE("rows taken back are subtracted, and an empty group leaves with its row and its state") {
  auto plan = running_per_source();
  plan.input_kind = view_kind::upsert;
  run r(plan);
  r.rows({row("a", 1, 5), row("a", 2, 7)});
  CHECK(r.cut() == texts{"+ a|2|12"});
  r.rows({row("a", 3, 5, -1), row("a", 3, 6)});
  CHECK(r.cut() == texts{"- a|2|12", "+ a|2|13"});
  r.rows({row("a", 4, 6, -1), row("a", 4, 7, -1)});
  CHECK(r.cut() == texts{"- a|2|13"});
  REQUIRE(r.changes.size() == 1);
  CHECK_FALSE(r.changes[0].value);
  CHECK(r.op->group_count() == 0);
}

TEST_CASE("partials of an upsert input subtract at the owner of the group") {
  auto plan = grouped_plan(
      {}, {image_column()},
      {call(aggregate_kind::count_rows), call(aggregate_kind::avg, value_column(), data_type::double_precision)});
  plan.input_kind = view_kind::upsert;
  auto partial = make_partial_operator(plan, 4, {});
  auto merging = make_merging_operator(plan, {});
  operator_output out;
  std::vector<state_change> changes;
  const auto epoch = [&](const std::vector<test_row>& rows) {
    out = {};
    changes.clear();
    std::vector<shuffle_entry> entries;
    REQUIRE(partial->process(make_batch(rows), out));
    REQUIRE(partial->cut(entries));
    for (const auto& e : entries) REQUIRE(merging->merge(e.value, out));
    REQUIRE(merging->cut(out, changes));
    return rows_of(out);
  };
  CHECK(epoch({{"a", 1, "x", 1.0}, {"a", 1, "x", 2.0}}) == texts{"+ x|2|1.5"});
  CHECK(epoch({{"a", 2, "x", 2.0, {}, 0, -1}, {"a", 2, "y", 9.0}}) == texts{"- x|2|1.5", "+ x|1|1", "+ y|1|9"});
  CHECK(epoch({{"a", 2, "x", 1.0, {}, 0, -1}}) == texts{"- x|1|1"});
  CHECK(merging->group_count() == 1);
}

TEST_CASE("aggregates that cannot subtract say so instead of answering wrong") {
  auto plan = grouped_plan({}, {source_column()}, {call(aggregate_kind::max, number_column())});
  plan.input_kind = view_kind::upsert;
  auto op = make_view_operator(plan, {});
  operator_output out;
  const auto s1 = op->process(make_batch({row("a", 1, 5, -1)}), out);
  REQUIRE_FALSE(s1);
  CHECK(s1.error().code == errc::unsupported);
}

TEST_CASE("ttl removes groups that time has left behind") {
  auto plan = running_per_source();
  plan.ttl_us = 10 * s;
  run r(plan);
  r.rows({row("a", 1 * s, 1), row("b", 5 * s, 1)});
  r.cut();
  r.advance(0, 11 * s);
  CHECK(r.cut().empty());
  r.advance(0, 11 * s + 1);
  CHECK(r.cut() == texts{"- a|1|1"});
  CHECK(r.op->group_count() == 1);
  REQUIRE(!r.changes.empty());
  CHECK_FALSE(r.changes.back().value);
}

TEST_CASE("max_rows removes the groups with the oldest event time, ties by key") {
  auto plan = running_per_source();
  plan.max_rows = 2;
  run r(plan);
  r.rows({row("c", 5, 1), row("b", 5, 1), row("a", 9, 1)});
  CHECK(r.cut() == texts{"+ a|1|1", "+ b|1|1", "+ c|1|1", "- b|1|1"});
  r.rows({row("c", 20, 1), row("b", 21, 1)});
  CHECK(r.cut() == texts{"+ b|1|1", "- c|1|1", "+ c|2|2", "- a|1|1"});
}

TEST_CASE("a window with emit = changes shows itself at every cut, and its last row stays when it closes") {
  auto plan = with_changes(
      grouped_plan({window_kind::tumble, 5 * s, 0}, {source_column()}, {call(aggregate_kind::count_rows)}));
  run r(plan);
  r.rows({row("a", 1 * s, 0)});
  CHECK(r.cut() == texts{"+ a|0|5000000|1"});
  r.rows({row("a", 2 * s, 0)});
  CHECK(r.advance(5 * s) == texts{"- a|0|5000000|1", "+ a|0|5000000|2"});
  CHECK(r.cut().empty());
  REQUIRE(r.changes.size() == 1);
  CHECK_FALSE(r.changes[0].value);
  CHECK(r.op->group_count() == 0);
}

TEST_CASE("sessions that become one take both of their rows back") {
  auto plan =
      with_changes(grouped_plan({window_kind::session, 10, 0}, {source_column()}, {call(aggregate_kind::count_rows)}));
  run r(plan);
  r.rows({row("a", 0, 0), row("a", 20, 0)});
  CHECK(r.cut() == texts{"+ a|0|10|1", "+ a|20|30|1"});
  r.rows({row("a", 10, 0)});
  CHECK(r.cut() == texts{"- a|20|30|1", "- a|0|10|1", "+ a|0|30|3"});
  CHECK(r.changes.size() == 2);
  CHECK(r.op->group_count() == 1);
}

TEST_CASE("running tables: the last row of every key does not depend on cuts and restores") {
  std::mt19937_64 random(21);
  for (int round = 0; round < 40; ++round) {
    std::vector<test_row> rows;
    std::vector<std::pair<std::string, std::int64_t>> standing;
    for (int i = 0; i < 120; ++i) {
      if (!standing.empty() && random() % 3 == 0) {
        const auto victim = standing.begin() + static_cast<std::ptrdiff_t>(random() % standing.size());
        rows.push_back(row(victim->first, i, victim->second, -1));
        standing.erase(victim);
        continue;
      }
      standing.emplace_back(std::string(1, static_cast<char>('a' + random() % 5)),
                            static_cast<std::int64_t>(random() % 9));
      rows.push_back(row(standing.back().first, i, standing.back().second));
    }
    auto plan = running_per_source();
    plan.input_kind = view_kind::upsert;
    std::map<std::string, std::pair<int, std::int64_t>> sums;
    for (const auto& [source, number] : standing) {
      ++sums[source].first;
      sums[source].second += number;
    }
    std::map<std::string, std::string> expected, table, stored;
    for (const auto& [source, sum] : sums) expected[source] = fmt::format("{}|{}|{}", source, sum.first, sum.second);
    auto r = std::make_unique<run>(plan), follower = std::make_unique<run>(plan);
    for (std::size_t i = 0; i < rows.size();) {
      const std::size_t n = std::min<std::size_t>(1 + random() % 15, rows.size() - i);
      r->rows({rows.begin() + static_cast<std::ptrdiff_t>(i), rows.begin() + static_cast<std::ptrdiff_t>(i + n)});
      i += n;
      if (random() % 2 == 0 && i < rows.size()) continue;
      for (const auto& text : r->cut()) {
        const auto key = text.substr(2, 1);
        if (text[0] == '-') {
          REQUIRE(table[key] == text.substr(2));
          table.erase(key);
        } else {
          REQUIRE(table.emplace(key, text.substr(2)).second);
        }
      }
      for (const auto& c : r->changes) c.value ? void(stored[c.key] = *c.value) : void(stored.erase(c.key));
      REQUIRE(follow(*follower->op, r->changes));
      if (random() % 2 == 0) continue;
      auto restored = std::make_unique<run>(plan);
      for (const auto& [key, value] : stored) REQUIRE(restored->op->restore(key, value));
      if (random() % 2 == 0) std::swap(restored, follower);
      r = std::move(restored);
    }
    REQUIRE(table == expected);
  }
}

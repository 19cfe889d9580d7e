#include <catch2/catch.hpp>
#include <random>

#include "tests/support/operator_runs.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

constexpr std::int64_t s = 1'000'000;

aggregate_call distinct_numbers() {
  auto c = call(aggregate_kind::count, number_column());
  c.distinct = true;
  return c;
}

std::vector<aggregate_call> every_aggregate() {
  return {call(aggregate_kind::count_rows),
          call(aggregate_kind::sum, number_column()),
          call(aggregate_kind::avg, value_column(), data_type::double_precision),
          call(aggregate_kind::variance, value_column(), data_type::double_precision),
          call(aggregate_kind::min, value_column(), data_type::double_precision),
          call(aggregate_kind::max, image_column(), data_type::text),
          call(aggregate_kind::last, image_column(), data_type::text),
          distinct_numbers()};
}

std::vector<test_row> many(std::int64_t count) {
  std::vector<test_row> rows;
  for (std::int64_t i = 0; i < count; ++i) {
    test_row r;
    r.event_time_us = i * s / 4;
    r.image = fmt::format("image {}", i);
    r.value = 1.0 / static_cast<double>(i + 1);
    r.number = i;
    rows.push_back(r);
  }
  return rows;
}

const window_spec windows[] = {{}, {window_kind::tumble, 5 * s, 0}, {window_kind::session, s / 10, 0}};

}  // namespace

TEST_CASE("more groups than the limit stop the pipeline with a word on what to do") {
  for (const auto& window : windows) {
    auto op =
        make_view_operator(grouped_plan(window, {source_column(), image_column()}, every_aggregate()), {.groups = 10});
    operator_output out;
    REQUIRE(op->process(make_batch(many(10)), out));
    const auto over = op->process(make_batch(many(12)), out);
    REQUIRE_FALSE(over);
    CHECK(over.error().code == errc::limit_exceeded);
    CHECK(over.error().text().find("view seen") != std::string::npos);
    CHECK(over.error().text().find("limits.view_groups") != std::string::npos);
  }
}

TEST_CASE("more bytes of state than the limit stop the pipeline") {
  for (const auto& window : windows) {
    const auto plan = grouped_plan(window, {source_column(), image_column()}, every_aggregate());
    auto op = make_view_operator(plan, {.state_bytes = 20'000});
    operator_output out;
    status over;
    for (int i = 0; i < 100 && over; ++i) {
      auto rows = many(10);
      for (auto& r : rows) *r.image += std::to_string(i);
      over = op->process(make_batch(rows), out);
    }
    REQUIRE_FALSE(over);
    CHECK(over.error().code == errc::limit_exceeded);
    CHECK(over.error().text().find("limits.view_state") != std::string::npos);
  }
  auto partial =
      make_partial_operator(grouped_plan({}, {image_column()}, every_aggregate()), 4, {.state_bytes = 20'000});
  operator_output out;
  CHECK_FALSE(partial->process(make_batch(many(1'000)), out));
}

TEST_CASE("more distinct values than the limit name the view and the group") {
  auto plan = grouped_plan({}, {source_column()}, {distinct_numbers()});
  auto op = make_view_operator(plan, {.distinct_values = 5});
  operator_output out;
  REQUIRE(op->process(make_batch(many(5)), out));
  const auto over = op->process(make_batch(many(6)), out);
  REQUIRE_FALSE(over);
  CHECK(over.error().code == errc::limit_exceeded);
  CHECK(over.error().text().find(R"(view seen, group {"key0":"cam1"})") != std::string::npos);
  CHECK(over.error().text().find("limits.distinct_values") != std::string::npos);
}

TEST_CASE("sessions that become one do not slip past the limit of distinct values") {
  auto plan = grouped_plan({window_kind::session, s, 0}, {source_column()}, {distinct_numbers()});
  auto op = make_view_operator(plan, {.distinct_values = 3});
  operator_output out;
  std::vector<test_row> rows(4);
  for (std::int64_t i = 0; i < 4; ++i) {
    rows[static_cast<std::size_t>(i)].event_time_us = i < 2 ? 0 : 2 * s;
    rows[static_cast<std::size_t>(i)].number = i;
  }
  REQUIRE(op->process(make_batch(rows), out));
  test_row between;
  between.event_time_us = s;
  const auto over = op->process(make_batch({between}), out);
  REQUIRE_FALSE(over);
  CHECK(over.error().code == errc::limit_exceeded);
}

TEST_CASE("a partial larger than an entry is split, and no entry is much larger than it must be") {
  const auto plan = grouped_plan({}, {image_column()}, every_aggregate());
  auto partial = make_partial_operator(plan, 1, {});
  auto merging = make_merging_operator(plan, {});
  operator_output out;
  REQUIRE(partial->process(make_batch(many(10'000)), out));
  std::vector<shuffle_entry> entries;
  REQUIRE(partial->cut(entries));
  CHECK(entries.size() > 1);
  for (const auto& e : entries) {
    CHECK(e.value.size() < 300 * 1024);
    REQUIRE(merging->merge(e.value, out));
  }
  CHECK(merging->group_count() == 10'000);
}

TEST_CASE("damaged partials and state entries are errors, never crashes") {
  std::mt19937_64 random(31);
  for (const auto& window : windows) {
    for (const bool local : {true, false}) {
      std::vector<expression_ptr> keys{image_column()};
      if (local) keys.push_back(source_column());
      const auto plan = with_changes(grouped_plan(window, keys, every_aggregate()));
      operator_output out;
      std::vector<shuffle_entry> entries;
      auto partial = make_partial_operator(plan, 1, {});
      REQUIRE(partial->process(make_batch(many(3)), out));
      REQUIRE(partial->cut(entries));
      const auto make = [&]() -> std::unique_ptr<view_operator> {
        if (local) return make_view_operator(plan, {});
        return make_merging_operator(plan, {});
      };
      auto op = make();
      if (local)
        REQUIRE(op->process(make_batch(many(3)), out));
      else
        REQUIRE(static_cast<merging_operator&>(*op).merge(entries.at(0).value, out));
      std::vector<state_change> changes;
      time_progress progress;
      progress.stream = {0, -s};
      progress.by_source["cam1"] = {0, -s};
      REQUIRE(op->advance(progress, out));
      REQUIRE(op->cut(out, changes));
      const auto damaged = [&](std::string bytes) {
        const auto kind = random() % 3;
        if (bytes.empty() || kind == 0) return bytes.substr(0, random() % (bytes.size() + 1));
        if (kind == 1)
          bytes.insert(random() % bytes.size(), 1, static_cast<char>(random()));
        else
          bytes[random() % bytes.size()] = static_cast<char>(random());
        return bytes;
      };
      int whole = 0;
      for (int round = 0; round < 1'000; ++round) {
        auto victim = make();
        status restored;
        for (const auto& c : changes) {
          const bool hit = random() % 4 == 0;
          if (restored)
            restored =
                victim->restore(hit && random() % 4 == 0 ? damaged(c.key) : c.key, hit ? damaged(*c.value) : *c.value);
        }
        if (!restored) CHECK(restored.error().code == errc::corrupt);
        if (!local) {
          auto merging = make_merging_operator(plan, {});
          const auto merged = merging->merge(damaged(entries[0].value), out);
          if (!merged) CHECK(merged.error().code == errc::corrupt);
        }
        if (!restored) continue;  // nothing is asked of an operator that has failed
        ++whole;
        time_progress end;
        end.stream.watermark_us = 1'000'000 * s;
        end.by_source["cam1"].watermark_us = 1'000'000 * s;
        out = {};
        REQUIRE(victim->advance(end, out));
        std::vector<state_change> more;
        REQUIRE(victim->cut(out, more));
      }
      CHECK(whole > 0);
    }
  }
}

TEST_CASE("equal state is equal bytes, in whatever order it came about") {
  std::mt19937_64 random(32);
  const auto plan = grouped_plan({window_kind::session, s, 0}, {source_column()}, every_aggregate());
  const auto state_of = [&](const std::vector<test_row>& rows) {
    auto op = make_view_operator(plan, {});
    operator_output out;
    for (const auto& r : rows) REQUIRE(op->process(make_batch({r}), out));
    std::vector<state_change> changes;
    REQUIRE(op->cut(out, changes));
    std::vector<std::pair<std::string, std::string>> entries;
    for (const auto& c : changes) entries.emplace_back(c.key, c.value.value_or("deleted"));
    return entries;
  };
  auto rows = many(40);
  const auto straight = state_of(rows);
  for (int round = 0; round < 20; ++round) {
    std::shuffle(rows.begin(), rows.end(), random);
    CHECK(state_of(rows) == straight);
  }
}

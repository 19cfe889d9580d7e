// PROTOCOL 16 and 17: the multiset of final rows depends on the records and on time, not on how they were cut, routed,
// ordered or restored.
#include <catch2/catch.hpp>
#include <map>
#include <random>

#include "runtime/batch/key_codec.hpp"
#include "runtime/operators/windows.hpp"
#include "tests/support/operator_runs.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

constexpr std::int64_t s = 1'000'000;

// A stream as ingest leaves it: rows with their lateness, and how far time had come after each of them.
struct recorded_stream {
  std::vector<test_row> rows;
  std::vector<std::int64_t> watermark;                         // the stream's, after the row
  std::vector<std::map<std::string, std::int64_t>> by_source;  // every source's, after the row
  std::size_t flushed_after = 0;                               // a flush mark behind this many rows
  std::int64_t flushed_us = no_watermark;
};

double nasty_value(std::mt19937_64& random) {
  switch (random() % 8) {
    case 0: return 1e308;
    case 1: return -1e308;
    case 2: return random() % 50 == 0 ? std::nan("") : 0.1;
    case 3: return random() % 2 == 0 ? -0.0 : 0.0;
    case 4: return 5e-324;
    default: return static_cast<double>(random() % 1000) / 7.0;
  }
}

recorded_stream record(std::mt19937_64& random, std::size_t count) {
  recorded_stream out;
  const std::vector<std::string> sources{"a", "b", "c"};
  std::map<std::string, std::int64_t> newest, marks;
  for (const auto& source : sources) marks[source] = newest[source] = 0;
  out.flushed_after = random() % count;
  for (std::size_t i = 0; i < count; ++i) {
    test_row r;
    r.source = sources[random() % sources.size()];
    const auto step = static_cast<std::int64_t>(random() % (2 * s));
    r.event_time_us =
        std::max<std::int64_t>(0, newest[r.source] + step - static_cast<std::int64_t>(random() % (4 * s)));
    if (random() % 6 != 0) r.image = std::string(1 + random() % 12, static_cast<char>('p' + random() % 4));
    if (random() % 5 != 0) r.value = nasty_value(random);
    if (random() % 5 != 0) r.number = static_cast<std::int64_t>(random() % 100) - 50;
    r.sequence = i;
    std::int64_t stream_mark = marks.begin()->second;
    for (const auto& [name, mark] : marks) stream_mark = std::min(stream_mark, mark);
    if (r.event_time_us < marks[r.source]) r.late |= late_for_source;
    if (r.event_time_us < stream_mark) r.late |= late_for_stream;
    newest[r.source] = std::max(newest[r.source], r.event_time_us);
    marks[r.source] = std::max(marks[r.source], newest[r.source] - 2 * s);
    if (i == out.flushed_after)
      for (const auto& [name, t] : newest) out.flushed_us = std::max(out.flushed_us, t);
    stream_mark = marks.begin()->second;
    for (const auto& [name, mark] : marks) stream_mark = std::min(stream_mark, mark);
    out.rows.push_back(std::move(r));
    out.watermark.push_back(stream_mark);
    out.by_source.push_back(marks);
  }
  return out;
}

time_progress progress_after(const recorded_stream& stream, std::size_t row) {
  time_progress p;
  p.stream.watermark_us = stream.watermark[row];
  if (row >= stream.flushed_after) p.stream.flushed_us = stream.flushed_us;
  for (const auto& [source, mark] : stream.by_source[row]) p.by_source[source] = {mark, p.stream.flushed_us};
  return p;
}

time_progress end_of_time() {
  time_progress p;
  p.stream.watermark_us = 1'000'000 * s;
  for (const auto* source : {"a", "b", "c"}) p.by_source[source].watermark_us = 1'000'000 * s;
  return p;
}

view_plan plan_of(window_spec window, bool local) {
  aggregate_call distinct = call(aggregate_kind::count, number_column());
  distinct.distinct = true;
  aggregate_call filtered = call(aggregate_kind::sum, number_column());
  filtered.filter = predicate([](const record_batch& b, std::size_t row) {
    return !b.columns[3]->is_null(row) && b.columns[3]->ints()[row] > 0;
  });
  auto plan = grouped_plan(window, local ? std::vector{source_column(), image_column()} : std::vector{image_column()},
                           {call(aggregate_kind::count_rows), call(aggregate_kind::count, value_column()),
                            call(aggregate_kind::sum, value_column(), data_type::double_precision),
                            call(aggregate_kind::avg, number_column(), data_type::double_precision),
                            call(aggregate_kind::stddev, value_column(), data_type::double_precision),
                            call(aggregate_kind::min, value_column(), data_type::double_precision),
                            call(aggregate_kind::max, image_column(), data_type::text),
                            call(aggregate_kind::first, value_column(), data_type::double_precision),
                            call(aggregate_kind::last, number_column()), distinct, filtered});
  plan.where = predicate([](const record_batch& b, std::size_t row) {
    return b.columns[3]->is_null(row) || b.columns[3]->ints()[row] != 7;
  });
  return plan;
}

struct answer {
  std::vector<std::string> rows, late;
  void take(operator_output& out) {
    for (auto& r : rows_of(out)) rows.push_back(r);
    for (const auto& l : out.late) late.push_back(fmt::format("{}|{}|{}", l.reason, l.source, l.sequence));
    CHECK(out.dead.empty());
    out = {};
  }
  void sort() {
    std::sort(rows.begin(), rows.end());
    std::sort(late.begin(), late.end());
  }
};

using table = std::map<std::string, std::string>;

void store_all(table& t, const std::vector<state_change>& changes) {
  for (const auto& c : changes) {
    if (c.value)
      t[c.key] = *c.value;
    else
      REQUIRE(t.erase(c.key) == 1);
  }
}

std::vector<test_row> slice(const recorded_stream& stream, std::size_t begin, std::size_t end) {
  return {stream.rows.begin() + static_cast<std::ptrdiff_t>(begin),
          stream.rows.begin() + static_cast<std::ptrdiff_t>(end)};
}

// From time to time the operator's place is taken, by one that takes its stored state back or by one that followed it.
answer run_local(const view_plan& plan, const recorded_stream& stream, std::mt19937_64* random) {
  auto op = make_view_operator(plan, {}), follower = make_view_operator(plan, {});
  answer out;
  operator_output o;
  table stored;
  for (std::size_t i = 0; i < stream.rows.size();) {
    // The flush mark is a place in the stream: no batch reaches across it.
    std::size_t n = random == nullptr ? 1 : 1 + (*random)() % 20;
    if (i <= stream.flushed_after) n = std::min(n, stream.flushed_after + 1 - i);
    n = std::min(n, stream.rows.size() - i);
    REQUIRE(op->process(make_batch(slice(stream, i, i + n)), o));
    i += n;
    REQUIRE(op->advance(progress_after(stream, i - 1), o));
    out.take(o);
    if (random == nullptr || (*random)() % 3 != 0) continue;
    std::vector<state_change> changes;
    REQUIRE(op->cut(o, changes));
    store_all(stored, changes);
    REQUIRE(follow(*follower, changes));
    REQUIRE(follower->group_count() == op->group_count());
    if ((*random)() % 3 != 0) continue;
    auto restored = make_view_operator(plan, {});
    for (const auto& [key, value] : stored) REQUIRE(restored->restore(key, value));
    if ((*random)() % 2 == 0) std::swap(restored, follower);
    op = std::move(restored);
    REQUIRE(op->advance(progress_after(stream, i - 1), o));
    REQUIRE(o.rows.size() == 0);
  }
  REQUIRE(op->advance(end_of_time(), o));
  out.take(o);
  REQUIRE(op->group_count() == 0);
  std::vector<state_change> changes;
  REQUIRE(op->cut(o, changes));
  store_all(stored, changes);
  for (const auto& [key, value] : stored) REQUIRE(key[0] != 'g');
  out.sort();
  return out;
}

// `shards` hold the rows by source; `partitions` hold the groups by key.
answer run_shuffled(const view_plan& plan, const recorded_stream& stream, int shards, int partitions,
                    std::mt19937_64& random) {
  std::vector<std::unique_ptr<partial_operator>> partial;
  std::vector<std::unique_ptr<merging_operator>> merging, followers;
  std::vector<table> stored(static_cast<std::size_t>(partitions));
  for (int i = 0; i < shards; ++i) partial.push_back(make_partial_operator(plan, partitions, {}));
  for (int i = 0; i < partitions; ++i) merging.push_back(make_merging_operator(plan, {}));
  for (int i = 0; i < partitions; ++i) followers.push_back(make_merging_operator(plan, {}));
  answer out;
  operator_output o;
  std::vector<shuffle_entry> entries;
  const auto cut_all = [&](const time_progress& progress) {
    for (auto& p : partial) REQUIRE(p->cut(entries));
    std::shuffle(entries.begin(), entries.end(), random);
    for (const auto& e : entries) REQUIRE(merging[static_cast<std::size_t>(e.partition)]->merge(e.value, o));
    entries.clear();
    for (std::size_t m = 0; m < merging.size(); ++m) {
      REQUIRE(merging[m]->advance(progress, o));
      out.take(o);
      std::vector<state_change> changes;
      REQUIRE(merging[m]->cut(o, changes));
      store_all(stored[m], changes);
      REQUIRE(follow(*followers[m], changes));
      if (random() % 4 != 0) continue;
      auto restored = make_merging_operator(plan, {});
      for (const auto& [key, value] : stored[m]) REQUIRE(restored->restore(key, value));
      if (random() % 2 == 0) std::swap(restored, followers[m]);
      merging[m] = std::move(restored);
    }
  };
  for (std::size_t i = 0; i < stream.rows.size();) {
    std::size_t n = 1 + random() % 20;
    if (i <= stream.flushed_after) n = std::min(n, stream.flushed_after + 1 - i);
    n = std::min(n, stream.rows.size() - i);
    std::vector<std::vector<test_row>> routed(static_cast<std::size_t>(shards));
    for (auto& r : slice(stream, i, i + n))
      routed[stable_hash(r.source) % static_cast<std::uint64_t>(shards)].push_back(r);
    i += n;
    const auto progress = progress_after(stream, i - 1);
    for (std::size_t p = 0; p < partial.size(); ++p) {
      REQUIRE(partial[p]->process(make_batch(routed[p]), o));
      REQUIRE(partial[p]->advance(progress));
      out.take(o);
    }
    if (random() % 4 == 0) cut_all(progress);
  }
  cut_all(end_of_time());
  for (const auto& m : merging) REQUIRE(m->group_count() == 0);
  out.sort();
  return out;
}

const std::vector<window_spec> windows{{window_kind::tumble, 5 * s, 0},
                                       {window_kind::tumble, 3 * s, s / 2},
                                       {window_kind::session, s, 0},
                                       {window_kind::session, s / 20, 0}};

}  // namespace

TEST_CASE("local final rows do not depend on batches, cuts and restores") {
  std::mt19937_64 random(11);
  for (int round = 0; round < 40; ++round) {
    const auto stream = record(random, 50 + random() % 200);
    const auto plan = plan_of(windows[static_cast<std::size_t>(round) % windows.size()], true);
    const auto straight = run_local(plan, stream, nullptr);
    REQUIRE(!straight.rows.empty());
    for (int again = 0; again < 3; ++again) {
      const auto cut = run_local(plan, stream, &random);
      REQUIRE(cut.rows == straight.rows);
      REQUIRE(cut.late == straight.late);
    }
  }
}

TEST_CASE("shuffled final rows do not depend on shards, partitions, cuts, restores and the order of partials") {
  std::mt19937_64 random(12);
  std::size_t late = 0;
  for (int round = 0; round < 40; ++round) {
    const auto stream = record(random, 50 + random() % 200);
    const auto plan = plan_of(windows[static_cast<std::size_t>(round) % windows.size()], false);
    const auto straight = run_shuffled(plan, stream, 1, 1, random);
    REQUIRE(!straight.rows.empty());
    late += straight.late.size();
    for (const int partitions : {1, 4, 7}) {
      const auto spread = run_shuffled(plan, stream, 3, partitions, random);
      REQUIRE(spread.rows == straight.rows);
      REQUIRE(spread.late == straight.late);
    }
  }
  CHECK(late > 0);
}

TEST_CASE("sessions are those that a naive reading of all records finds") {
  std::mt19937_64 random(13);
  for (int round = 0; round < 60; ++round) {
    const auto stream = record(random, 30 + random() % 150);
    const std::int64_t gap = s / (1 + static_cast<std::int64_t>(random() % 20));
    const window_spec window{window_kind::session, gap, 0};
    auto plan = grouped_plan(window, {image_column()}, {call(aggregate_kind::count_rows)});
    std::map<std::string, std::vector<std::int64_t>> times;
    const std::int64_t horizon = flush_horizon(window, stream.flushed_us);
    for (std::size_t i = 0; i < stream.rows.size(); ++i) {
      const auto& r = stream.rows[i];
      const bool flushed = i > stream.flushed_after && r.event_time_us < horizon;
      if ((r.late & late_for_stream) == 0 && !flushed) times[r.image.value_or("null")].push_back(r.event_time_us);
    }
    std::vector<std::string> expected;
    for (auto& [image, t] : times) {
      std::sort(t.begin(), t.end());
      for (std::size_t i = 0; i < t.size();) {
        std::size_t end = i + 1;
        while (end < t.size() && t[end] - t[end - 1] <= gap) ++end;
        expected.push_back(fmt::format("{}|{}|{}|{}", image, t[i], t[end - 1] + gap, end - i));
        i = end;
      }
    }
    std::sort(expected.begin(), expected.end());
    REQUIRE(run_shuffled(plan, stream, 3, 4, random).rows == expected);
  }
}

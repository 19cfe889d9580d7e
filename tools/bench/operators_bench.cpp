// Operators alone, on rows that are already in columns: nanoseconds a row are 1e9 / items_per_second.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <random>

#include "tests/support/plan_builder.hpp"

namespace {

using namespace weir;
using namespace weir::testing;

constexpr std::int64_t second = 1'000'000;
constexpr std::size_t batch_rows = 1'000;
constexpr std::size_t keys = 1'000;
constexpr std::size_t batches = 100;

// `batches` batches of rows over 1,000 images and 8 sources, event times in order, 10 us apart.
const std::vector<stamped_batch>& input() {
  static const std::vector<stamped_batch> made = [] {
    std::mt19937_64 random(7);
    std::vector<stamped_batch> out;
    std::int64_t t = 0;
    for (std::size_t b = 0; b < batches; ++b) {
      std::vector<test_row> rows(batch_rows);
      for (auto& r : rows) {
        r.source = fmt::format("camera-{}", random() % 8);
        r.image = fmt::format("image-{:06}", random() % keys);
        r.value = static_cast<double>(random() % 1'000'000) / 997.0;
        r.number = static_cast<std::int64_t>(random() % 1'000);
        r.event_time_us = t += 10;
      }
      out.push_back(make_batch(rows));
    }
    return out;
  }();
  return made;
}

void require(const status& s) {
  if (!s) std::abort();
}

std::vector<aggregate_call> count_and_max() {
  return {call(aggregate_kind::count_rows), call(aggregate_kind::max, value_column(), data_type::double_precision)};
}

const window_spec five_seconds{window_kind::tumble, 5 * second, 0};

// One pass over the input with ten cuts; every pass continues where time was, so windows close as they do in life.
class shifted_input {
 public:
  stamped_batch next() {
    auto batch = input()[at_];
    for (auto& t : batch.event_time_us) t += shift_;
    if (++at_ == batches) {
      at_ = 0;
      shift_ += second;
    }
    newest_ = batch.event_time_us.back();
    return batch;
  }
  std::int64_t newest() const { return newest_; }

 private:
  std::size_t at_ = 0;
  std::int64_t shift_ = 0, newest_ = 0;
};

time_progress all_sources_at(std::int64_t t) {
  time_progress p;
  p.stream.watermark_us = t;
  for (int i = 0; i < 8; ++i) p.by_source[fmt::format("camera-{}", i)].watermark_us = t;
  return p;
}

void filter(benchmark::State& state) {
  view_plan plan;
  plan.name = "filtered";
  plan.input_columns = plan.output_columns = stream_schema();
  plan.where = predicate([](const record_batch& b, std::size_t row) { return b.columns[3]->ints()[row] < 500; });
  plan.output = {source_column(), image_column(), value_column(), number_column()};
  auto op = make_view_operator(plan, {});
  std::size_t at = 0;
  for (auto _ : state) {
    operator_output out;
    require(op->process(input()[at++ % batches], out));
    benchmark::DoNotOptimize(out.rows.size());
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * batch_rows));
}
BENCHMARK(filter);

void run_local(benchmark::State& state, const view_plan& plan) {
  auto op = make_view_operator(plan, {});
  shifted_input rows;
  std::size_t at = 0, emitted = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const auto batch = rows.next();
    state.ResumeTiming();
    operator_output out;
    require(op->process(batch, out));
    if (++at % 10 == 0) {
      std::vector<state_change> changes;
      require(op->advance(all_sources_at(rows.newest()), out));
      require(op->cut(out, changes));
      benchmark::DoNotOptimize(changes.data());
    }
    emitted += out.rows.size();
  }
  benchmark::DoNotOptimize(emitted);
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * batch_rows));
}

void tumble_local(benchmark::State& state) {
  run_local(state, grouped_plan(five_seconds, {source_column(), image_column()}, count_and_max()));
}
BENCHMARK(tumble_local);

void session_local(benchmark::State& state) {
  run_local(state,
            grouped_plan({window_kind::session, second / 10, 0}, {source_column(), image_column()}, count_and_max()));
}
BENCHMARK(session_local);

void running_local(benchmark::State& state) {
  run_local(state, grouped_plan({}, {source_column(), image_column()}, count_and_max()));
}
BENCHMARK(running_local);

// Cuts every state.range(0) batches.
void run_partial(benchmark::State& state, const view_plan& plan, bool merged) {
  auto partial = make_partial_operator(plan, 8, {});
  auto merging = make_merging_operator(plan, {});
  shifted_input rows;
  std::size_t at = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const auto batch = rows.next();
    state.ResumeTiming();
    operator_output out;
    require(partial->process(batch, out));
    if (++at % static_cast<std::size_t>(state.range(0)) != 0) continue;
    std::vector<shuffle_entry> entries;
    require(partial->cut(entries));
    benchmark::DoNotOptimize(entries.data());
    if (!merged) continue;
    std::vector<state_change> changes;
    for (const auto& e : entries) require(merging->merge(e.value, out));
    require(merging->advance(all_sources_at(rows.newest()), out));
    require(merging->cut(out, changes));
    benchmark::DoNotOptimize(changes.data());
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * batch_rows));
}

// W1's shape: 1,000 text keys, 5 s windows, count(*) and max(double), and the partial entries of every epoch.
void tumble_partial(benchmark::State& state) {
  run_partial(state, grouped_plan(five_seconds, {image_column()}, count_and_max()), false);
}
BENCHMARK(tumble_partial)->Arg(10)->Arg(100);

void tumble_partial_and_merge(benchmark::State& state) {
  run_partial(state, grouped_plan(five_seconds, {image_column()}, count_and_max()), true);
}
BENCHMARK(tumble_partial_and_merge)->Arg(10)->Arg(100);

void tumble_partial_sum_and_avg(benchmark::State& state) {
  run_partial(state,
              grouped_plan(five_seconds, {image_column()},
                           {call(aggregate_kind::sum, value_column(), data_type::double_precision),
                            call(aggregate_kind::avg, number_column(), data_type::double_precision)}),
              false);
}
BENCHMARK(tumble_partial_sum_and_avg)->Arg(10)->Arg(100);

}  // namespace

BENCHMARK_MAIN();

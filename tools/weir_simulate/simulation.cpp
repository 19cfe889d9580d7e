#include "tools/weir_simulate/simulation.hpp"

#include <algorithm>
#include <mutex>
#include <thread>

namespace weir::simulate {

namespace {

using clock = std::chrono::steady_clock;

constexpr auto step = std::chrono::milliseconds(20);
constexpr std::size_t latencies_kept = 1'000'000;

std::string_view media_of(const instrument_kind& kind) {
  return kind.format == "csv" ? "text/csv" : "application/x-ndjson";
}

// One instrument from its first batch to its last.
class instrument_run {
 public:
  instrument_run(const simulation_options& o, std::uint64_t number, clock::time_point begin,
                 const std::atomic<bool>& stopped)
      : options_(o), number_(number), begin_(begin), stopped_(stopped) {
    simulation_settings settings;
    settings.seed = o.seed + number;
    settings.station = 99'900'000'000 + number;
    settings.station_name = "SIMULATED " + std::to_string(number) + ", XX";
    settings.start_us = o.start_us;
    settings.event_step_us = own_rate() > 0 ? o.speed / own_rate() * 1e6 : 1e6;
    instrument_ = o.kind->make(settings);
  }

  void go(const connector_of& connect, simulation_summary& sum) {
    auto to = connect(number_);
    if (!to) return sum.problems.push_back(to.error().text());
    for (std::uint64_t number = 0; const auto count = size_of(number); ++number) {
      const auto due = due_at(number);
      if (!wait_until(due)) return;
      const auto from = own_rate() > 0 ? due : clock::now();
      const auto lines = lines_of(number, count);
      auto done = (*to)->send({number_, number, media_of(*options_.kind), options_.kind->header, lines, count});
      if (!done) return sum.problems.push_back(done.error().text());
      sum.sent += count;
      ++sum.batches;
      sum.accepted += done->accepted;
      sum.dead += done->dead;
      sum.retried += done->retried;
      const std::chrono::duration<double, std::milli> took = clock::now() - from;
      if (sum.latency_ms.size() < latencies_kept / options_.instruments + 1) sum.latency_ms.push_back(took.count());
    }
  }

 private:
  double own_rate() const { return options_.rate / static_cast<double>(options_.instruments); }

  // How many records this batch has; 0: there is none.
  std::uint64_t size_of(std::uint64_t number) const {
    if (options_.count == 0) return options_.batch;
    const auto own = options_.count / options_.instruments + (number_ < options_.count % options_.instruments ? 1 : 0);
    const auto before = number * options_.batch;
    return before >= own ? 0 : std::min(options_.batch, own - before);
  }

  clock::time_point due_at(std::uint64_t number) const {
    if (own_rate() <= 0) return begin_;
    const std::chrono::duration<double> after(static_cast<double>(number * options_.batch) / own_rate());
    return begin_ + std::chrono::duration_cast<clock::duration>(after);
  }

  // False: the time is over, or Ctrl-C.
  bool wait_until(clock::time_point due) const {
    const auto end = begin_ + options_.time;
    if (due >= end) due = end;
    while (!stopped_ && clock::now() < due)
      std::this_thread::sleep_for(std::min<clock::duration>(step, due - clock::now()));
    return !stopped_ && clock::now() < end;
  }

  std::string lines_of(std::uint64_t number, std::uint64_t count) const {
    std::string out;
    for (std::uint64_t i = 0; i < count; ++i) {
      instrument_->append(number * options_.batch + i, out);
      out += '\n';
    }
    return out;
  }

  const simulation_options& options_;
  std::uint64_t number_;
  clock::time_point begin_;
  const std::atomic<bool>& stopped_;
  std::unique_ptr<simulated_instrument> instrument_;
};

void add(simulation_summary& to, simulation_summary&& part) {
  to.sent += part.sent;
  to.accepted += part.accepted;
  to.dead += part.dead;
  to.retried += part.retried;
  to.batches += part.batches;
  to.latency_ms.insert(to.latency_ms.end(), part.latency_ms.begin(), part.latency_ms.end());
  to.problems.insert(to.problems.end(), part.problems.begin(), part.problems.end());
}

}  // namespace

double simulation_summary::latency(double share) const {
  if (latency_ms.empty()) return 0;
  const auto at = static_cast<std::size_t>(share * static_cast<double>(latency_ms.size()));
  return latency_ms[std::min(at, latency_ms.size() - 1)];
}

simulation_summary run(const simulation_options& options, const connector_of& connect,
                       const std::atomic<bool>& stopped) {
  const auto begin = clock::now();
  std::vector<simulation_summary> parts(options.instruments);
  {
    std::vector<std::jthread> threads;
    for (std::uint64_t i = 0; i < options.instruments; ++i)
      threads.emplace_back([&, i] { instrument_run(options, i, begin, stopped).go(connect, parts[i]); });
  }
  simulation_summary out;
  for (auto& part : parts) add(out, std::move(part));
  std::sort(out.latency_ms.begin(), out.latency_ms.end());
  out.seconds = std::chrono::duration<double>(clock::now() - begin).count();
  return out;
}

}  // namespace weir::simulate

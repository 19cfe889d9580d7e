#include "tools/bench/shard_runner.hpp"

#include <algorithm>
#include <chrono>
#include <stdexcept>

namespace weir::bench {

std::int64_t now_us() {
  using namespace std::chrono;
  return duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
}

shard_runner::shard_runner(event_log& log, state_store& store, shard_options options, int shards, int threads) {
  for (int i = 0; i < shards; ++i) {
    options.shard = i;
    options.shards = shards;
    shards_.push_back(std::make_unique<shard>(options, log, store, *this));
  }
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

shard_runner::~shard_runner() {
  for (auto& s : shards_) s->stop();
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_workers_.notify_all();
  threads_.clear();
}

void shard_runner::start(std::shared_ptr<const control_plan> plan) {
  for (auto& s : shards_) s->start(plan, now_us());
}

void shard_runner::apply(std::shared_ptr<const control_plan> plan) {
  for (auto& s : shards_) s->apply(plan, now_us());
}

void shard_runner::feed(std::vector<chunk_source> sources) {
  for (auto& s : sources) {
    auto run = std::make_unique<source_run>();
    run->shard = shard_of_source(s.name, static_cast<int>(shards_.size()));
    run->source = std::move(s);
    sources_.push_back(std::move(run));
  }
}

bool shard_runner::offer_next(source_run& s) {
  const auto& chunks = *s.source.chunks;
  if (s.waiting || s.taken == chunks.size()) return false;
  auto& to = at(s.shard);
  if (!s.attached && !(s.attached = to.attach(s.source.name))) return false;
  source_chunk c;
  c.records = chunks[s.taken];
  c.position = std::to_string(s.taken + 1);
  c.ended = s.taken + 1 == chunks.size();
  s.waiting = true;
  // Only the last chunk is waited for: who waits makes epochs small.
  std::function<void()> committed;
  if (c.ended) committed = [&s] { s.committed = true; };
  const auto accepted = [this, &s](const status& taken) {
    s.waiting = false;
    if (taken)
      ++s.taken;
    else
      failure_ = fmt::format("source {}: {}", s.source.name, taken.error().text());
  };
  to.offer({s.source.name, s.attached->session, std::move(c), nullptr, accepted, std::move(committed)}, now_us());
  return true;
}

bool shard_runner::take_finished() {
  std::vector<std::pair<int, std::uint64_t>> finished;
  {
    std::lock_guard lock(mutex_);
    finished.swap(finished_);
  }
  for (const auto& [shard, id] : finished) at(shard).finished(id, now_us());
  return !finished.empty();
}

// One round of events; false: nothing to do until something finishes or time passes.
bool shard_runner::step() {
  bool moved = take_finished();
  for (auto& s : sources_) moved |= offer_next(*s);
  for (int i = 0; i < static_cast<int>(shards_.size()); ++i) {
    if (const auto next = at(i).next_tick_us(); next && *next <= now_us()) at(i).tick(now_us());
    for (auto& job : at(i).take_runnable()) {
      moved = true;
      if (threads_.empty()) {
        own_jobs_.push_back({i, std::move(job)});
        continue;
      }
      std::lock_guard lock(mutex_);
      queue_.push_back({i, std::move(job)});
      wake_workers_.notify_one();
    }
  }
  if (own_jobs_.empty()) return moved;
  const auto next = std::move(own_jobs_.front());
  own_jobs_.pop_front();
  next.job.run();
  at(next.shard).finished(next.job.id, now_us());
  return true;
}

void shard_runner::wait_for_work() {
  auto until = now_us() + 10'000;
  for (const auto& s : shards_)
    if (const auto next = s->next_tick_us()) until = std::min(until, *next);
  const auto wait = std::chrono::microseconds(std::max<std::int64_t>(until - now_us(), 100));
  std::unique_lock lock(mutex_);
  wake_events_.wait_for(lock, wait, [this] { return !finished_.empty(); });
}

void shard_runner::run(const std::function<bool()>& done, std::int64_t patience_us) {
  const auto deadline = now_us() + patience_us;
  while (!done()) {
    if (!failure_.empty()) throw std::runtime_error(failure_);
    if (now_us() > deadline) throw std::runtime_error(fmt::format("not done after {} s", patience_us / 1'000'000));
    if (!step()) wait_for_work();
  }
}

void shard_runner::work() {
  for (;;) {
    std::unique_lock lock(mutex_);
    wake_workers_.wait(lock, [this] { return ending_ || !queue_.empty(); });
    if (ending_) return;
    const auto next = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    next.job.run();
    lock.lock();
    finished_.emplace_back(next.shard, next.job.id);
    wake_events_.notify_one();
  }
}

bool shard_runner::running() const {
  return std::ranges::all_of(shards_, [](const auto& s) { return s->running(); });
}

bool shard_runner::all_committed() const {
  return std::ranges::all_of(sources_, [](const auto& s) { return s->committed || s->source.chunks->empty(); });
}

std::uint64_t shard_runner::commits() const {
  std::uint64_t sum = 0;
  for (const auto& s : shards_) sum += s->commits();
  return sum;
}

std::uint64_t shard_runner::records(std::string_view pipeline) const {
  std::uint64_t sum = 0;
  for (const auto& s : shards_)
    for (const auto& [name, p] : s->pipelines())
      if (name == pipeline) sum += p.records;
  return sum;
}

void shard_runner::shard_failed(int shard, const error& why) {
  failure_ = fmt::format("shard {} failed: {}", shard, why.text());
}

void shard_runner::pipeline_restarted(int shard, std::string_view pipeline, const error& why) {
  failure_ = fmt::format("pipeline {} failed in shard {}: {}", pipeline, shard, why.text());
}

void shard_runner::pipeline_quarantined(int shard, std::string_view pipeline, const error& why) {
  pipeline_restarted(shard, pipeline, why);
}

void shard_runner::topic_committed(int, std::string_view topic, int partition, std::int64_t end, bool) {
  at(partition).wake(topic, end);
  if (on_commit) on_commit(topic);
}

void shard_runner::clock_changed(int shard, std::string_view stream, const shard_clock& clock) {
  auto it = clocks_.find(stream);
  if (it == clocks_.end())
    it = clocks_.emplace(std::string(stream), stream_clock(static_cast<int>(shards_.size()))).first;
  it->second.report(shard, clock);
  for (const auto& advice : it->second.advise()) at(advice.shard).advise(stream, advice, now_us());
}

}  // namespace weir::bench

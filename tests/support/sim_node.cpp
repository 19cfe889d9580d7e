#include "tests/support/sim_node.hpp"

#include <algorithm>
#include <stdexcept>

#include "actors/shard/suspect_turn.hpp"
#include "actors/shard/task_node.hpp"
#include "cluster/topic_names.hpp"

namespace weir {

namespace {

template <class T>
T must(result<T> r) {
  if (!r) throw std::runtime_error(r.error().text());
  return std::move(*r);
}

void must(const status& s) {
  if (!s) throw std::runtime_error(s.error().text());
}

constexpr std::size_t steps_beside = 25;

}  // namespace

sim_standby::sim_standby(event_log& log, const std::string& folder, const sim_node_options& options)
    : store_(must(state_store::open(folder, options.shard.view_rows))) {
  const auto& o = options.shard;
  for (int i = 0; i < options.shards; ++i)
    tails_.push_back(std::make_unique<shard_tail>(
        task_options{o.app, i, options.shards, o.operators, o.job_bytes}, log, *store_));
}

void sim_standby::follow(const control_plan& plan) {
  for (auto& tail : tails_)
    if (tail->follow(plan)) tail->warm(plan, {});
}

std::size_t sim_standby::tasks_in_memory() const {
  std::size_t n = 0;
  for (const auto& tail : tails_) n += tail->tasks_in_memory();
  return n;
}

sim_node::sim_node(event_log& log, const std::string& folder, sim_node_options options,
                   const std::map<std::string, std::string>& pipelines, std::vector<scripted_source> sources)
    : options_(std::move(options)), log_(log), random_(options_.seed) {
  store_ = must(state_store::open(folder, options_.shard.view_rows));
  start(pipelines, std::move(sources), nullptr);
}

sim_node::sim_node(event_log& log, std::unique_ptr<sim_standby> was, sim_node_options options,
                   const std::map<std::string, std::string>& pipelines, std::vector<scripted_source> sources)
    : options_(std::move(options)), log_(log), store_(std::move(was->store_)), random_(options_.seed) {
  start(pipelines, std::move(sources), was.get());
}

void sim_node::start(const std::map<std::string, std::string>& pipelines, std::vector<scripted_source> sources,
                     sim_standby* was) {
  control_ = must(control_log::open(log_, options_.shard.app));
  if (control_->state()->deployment.shards == 0)
    must(control_->append({to_record(deployment_record{options_.shards, options_.shards})}));
  for (const auto& [name, sql] : pipelines) {
    const auto records = must(apply_pipeline(*control_->plan(), name, sql, options_.replace_pipelines, true));
    if (!records.empty()) must(control_->append(records));
  }
  std::vector<source_record> listed;
  for (auto& s : sources) {
    source_record r;
    r.name = s.name;
    r.stream = s.stream;
    r.connector = "script";
    listed.push_back(r);
    sources_.push_back({std::move(s), shard_of_source(r.name, options_.shards), {}, 0});
  }
  const auto records = must(add_sources(*control_->plan(), listed));
  if (!records.empty()) must(control_->append(records));
  must(create_topics(log_, options_.shard.app, options_.shards, *control_->plan(), 0, 0));
  const auto turn = std::make_shared<suspect_turn>();
  std::shared_ptr<writer_group> writers;
  for (int i = 0; i < options_.shards; ++i) {
    auto o = options_.shard;
    o.shard = i;
    o.shards = options_.shards;
    if (options_.one_turn) o.turn = turn;
    if (options_.shards_per_writer > 1) {
      if (i % options_.shards_per_writer == 0) {
        const auto id = topic::group_writer(o.app, i / options_.shards_per_writer);
        writers = std::make_shared<writer_group>(log_, writer_group_options{id, std::size_t{1} << 20, {}});
      }
      o.writers = writers;
    }
    shards_.push_back(std::make_unique<shard>(o, log_, *store_, *this));
    if (was != nullptr) {
      shards_.back()->suspect_predecessor();
      shards_.back()->go_on_from(std::move(was->tails_[static_cast<std::size_t>(i)]));
    }
    shards_.back()->start(control_->plan(), now_us_);
  }
}

sim_node::~sim_node() = default;

void sim_node::hand_new_plan() {
  must(create_topics(log_, options_.shard.app, options_.shards, *control_->plan(), 0, 0));
  for (auto& s : shards_) s->apply(control_->plan(), now_us_);
}

void sim_node::replace_pipeline(const std::string& name, const std::string& sql, bool from_beginning) {
  must(control_->append(must(apply_pipeline(*control_->plan(), name, sql, true, from_beginning))));
  hand_new_plan();
}

void sim_node::pass_time(std::int64_t us) {
  now_us_ += us;
  for (auto& s : shards_) s->tick(now_us_);
  for (auto it = restarts_due_.begin(); it != restarts_due_.end();) {
    if (it->second > now_us_) {
      ++it;
      continue;
    }
    shards_[static_cast<std::size_t>(it->first)]->start(control_->plan(), now_us_);
    it = restarts_due_.erase(it);
  }
}

void sim_node::collect_jobs() {
  for (int i = 0; i < options_.shards; ++i)
    for (auto& job : at(i).take_runnable()) {
      if (hang_ && job.kind == hang_->first && job.pipeline == hang_->second) {
        hanging_ = job.id;
        hung_job_ = job_at{i, std::move(job)};
        hang_.reset();
        continue;
      }
      jobs_.push_back({i, std::move(job)});
    }
}

void sim_node::finish_or_run(std::size_t which) {
  if (!jobs_[which].ran) {
    jobs_[which].ran = jobs_[which].running = true;
    jobs_[which].job.run();
    jobs_[which].running = false;
    return;
  }
  const auto done = std::move(jobs_[which]);
  jobs_.erase(jobs_.begin() + static_cast<std::ptrdiff_t>(which));
  at(done.shard).finished(done.job.id, now_us_);
}

bool sim_node::feed(source_run& s) {
  if (s.waiting || s.done || s.held) return false;
  auto& to = at(s.shard);
  if (!s.attached) {
    s.attached = to.attach(s.script.name);
    if (!s.attached) return false;
    s.next = s.attached->position.empty() ? 0 : std::stoul(s.attached->position);
    const auto known = to.sources();
    const auto seen = known->find(s.script.name);
    if (s.next == s.script.records.size() && seen != known->end() && seen->second.state == "ended") s.done = true;
    return true;
  }
  source_chunk c;
  const auto count = std::min(1 + pick(options_.chunk_records), s.script.records.size() - s.next);
  for (std::size_t i = 0; i < count; ++i) c.records.append(s.script.records[s.next + i]);
  c.format = s.script.format;
  c.context = s.script.context;
  c.position = std::to_string(s.next + count);
  c.ended = s.script.ends && s.next + count == s.script.records.size();
  const bool last = s.next + count == s.script.records.size();
  s.waiting = true;
  const auto index = static_cast<std::size_t>(&s - sources_.data());
  to.offer({s.script.name,
            s.attached->session,
            std::move(c),
            nullptr,
            [this, index, count, last](status taken) {
              auto& run = sources_[index];
              run.waiting = false;
              if (!taken) {
                run.attached.reset();
                return;
              }
              run.next += count;
              run.done = last;
            },
            {}},
           now_us_);
  return true;
}

bool sim_node::step() {
  if (beside_ && pick(steps_beside) == 0) beside_();
  collect_jobs();
  const auto choices = jobs_.size() + sources_.size();
  if (choices == 0) return false;
  for (std::size_t tries = 0; tries < 3; ++tries) {
    const auto c = pick(choices);
    if (c < jobs_.size()) {
      finish_or_run(c);
      return true;
    }
    if (feed(sources_[c - jobs_.size()])) return true;
  }
  if (!jobs_.empty()) {
    finish_or_run(pick(jobs_.size()));
    return true;
  }
  return false;
}

bool sim_node::quiet() const {
  return jobs_.empty() && restarts_due_.empty() &&
         std::ranges::all_of(sources_, [](const source_run& s) { return s.done || s.held; });
}

bool sim_node::run_to_rest(std::size_t steps) {
  std::int64_t rest_since = now_us_;
  std::uint64_t commits = 0;
  for (std::size_t i = 0; i < steps; ++i) {
    if (!step()) pass_time(1'000 + static_cast<std::int64_t>(pick(5'000)));
    std::uint64_t now_commits = 0;
    for (const auto& s : shards_) now_commits += s->commits();
    const bool ready = std::ranges::all_of(sources_, [](const source_run& s) { return s.done || s.held; }) &&
                       restarts_due_.empty() && now_commits == commits &&
                       std::ranges::all_of(shards_, [](const auto& s) { return s->running(); });
    commits = now_commits;
    if (!ready) rest_since = now_us_;
    if (now_us_ - rest_since > 3'500'000) return true;  // longer than any retry waits
  }
  return false;
}

void sim_node::hang_next(job_kind kind, std::string pipeline) { hang_.emplace(kind, std::move(pipeline)); }

void sim_node::give_up_running() {
  const auto it = std::ranges::find_if(jobs_, [](const job_at& j) { return j.running; });
  const auto given_up = std::move(*it);
  jobs_.erase(it);
  at(given_up.shard).hung(given_up.job.id, now_us_);
}

void sim_node::wake_hanging() {
  hung_job_->job.run();
  at(hung_job_->shard).finished(hung_job_->job.id, now_us_);
  hung_job_.reset();
}

std::string sim_node::describe() {
  std::string out;
  for (int i = 0; i < options_.shards; ++i) {
    out += fmt::format("shard {}: running {} commits {}\n", i, at(i).running(), at(i).commits());
    for (const auto& [name, p] : at(i).pipelines())
      out += fmt::format("  {} {} records {} behind {} restarts {} {}\n", name, p.state, p.records, p.behind,
                         p.restarts, p.error);
    const auto sources = at(i).sources();
    for (const auto& [name, s] : *sources)
      out += fmt::format("  {} {} at {} accepted {} dead {}\n", name, s.state, s.position, s.accepted, s.dead);
  }
  for (const auto& s : sources_)
    out += fmt::format("{}: next {} of {} waiting {} done {}\n", s.script.name, s.next, s.script.records.size(),
                       s.waiting, s.done);
  for (const auto& j : jobs_) out += fmt::format("job out: shard {} kind {}\n", j.shard, static_cast<int>(j.job.kind));
  for (const auto& f : failed_shards) out += "failed: " + f + "\n";
  for (const auto& f : restarted) out += "restarted: " + f + "\n";
  return out;
}

void sim_node::hold_source(const std::string& name, bool held) {
  for (auto& s : sources_)
    if (s.script.name == name) s.held = held;
}

// What a source had handed over may not have been committed: it asks where to go on.
void sim_node::shard_running(int shard) {
  for (auto& s : sources_) {
    if (s.shard != shard) continue;
    s.attached.reset();
    s.done = false;
  }
}

void sim_node::shard_held(int shard, const error&, bool opens_again) {
  if (!opens_again) return;
  for (auto& [name, clock] : clocks_) clock.forget(shard);
}

void sim_node::shard_failed(int shard, const error& why) {
  failed_shards.push_back(why.text());
  restarts_due_.emplace_back(shard, now_us_ + 50'000);
  for (auto& [name, clock] : clocks_) clock.forget(shard);
}

void sim_node::pipeline_restarted(int, std::string_view pipeline, const error& why) {
  restarted.push_back(std::string(pipeline) + ": " + why.text());
}

void sim_node::pipeline_quarantined(int, std::string_view pipeline, const error& why) {
  quarantined.push_back(std::string(pipeline) + ": " + why.text());
}

void sim_node::topic_committed(int, std::string_view topic, int partition, std::int64_t end, bool) {
  at(partition).wake(topic, end);
}

void sim_node::clock_changed(int shard, std::string_view stream, const shard_clock& clock) {
  auto it = clocks_.find(stream);
  if (it == clocks_.end()) it = clocks_.emplace(std::string(stream), stream_clock(options_.shards)).first;
  it->second.report(shard, clock);
  for (const auto& advice : it->second.advise()) at(advice.shard).advise(stream, advice, now_us_);
}

namespace {

// Every entry that stands; a simulated log may show the last ones only some fetches later.
std::vector<log_entry> read_all(event_log& log, const std::string& topic, int partition) {
  auto reader = must(log.read(topic, partition, must(log.bounds(topic, partition)).start));
  std::vector<log_entry> out;
  for (int empty = 0; empty < 50;) {
    auto entries = must(reader->fetch(1 << 20));
    empty = entries.empty() ? empty + 1 : 0;
    for (auto& e : entries) out.push_back(std::move(e));
  }
  return out;
}

}  // namespace

std::vector<std::string> final_rows(event_log& log, const std::string& app, const view_plan& view, int shards) {
  std::vector<std::string> out;
  std::map<std::string, std::string> by_key;
  for (int p = 0; p < shards; ++p) {
    for (const auto& e : read_all(log, topic::view(app, view.name), p)) {
      if (must(decode_row_header(e.header)).kind != entry_row) continue;
      if (view.kind == view_kind::append)
        out.push_back(e.value.value());
      else if (e.value)
        by_key[e.key] = *e.value;
      else
        by_key.erase(e.key);
    }
  }
  for (auto& [key, row] : by_key) out.push_back(row);
  std::ranges::sort(out);
  return out;
}

std::vector<std::string> partition_values(event_log& log, const std::string& topic, int partition) {
  std::vector<std::string> out;
  for (const auto& e : read_all(log, topic, partition)) out.push_back(e.value.value_or("(deleted)"));
  return out;
}

std::vector<std::string> topic_values(event_log& log, const std::string& topic, int partitions) {
  std::vector<std::string> out;
  for (int p = 0; p < partitions; ++p)
    for (auto& value : partition_values(log, topic, p)) out.push_back(std::move(value));
  std::ranges::sort(out);
  return out;
}

}  // namespace weir

#include "actors/shard/shard.hpp"

#include <algorithm>

#include "actors/shard/shard_impl.hpp"
#include "runtime/fault/protocol_rules.hpp"

namespace weir {

namespace {

// Errors that another attempt at the same position cannot mend.
bool is_final(errc code) {
  return code == errc::limit_exceeded || code == errc::offset_out_of_range || code == errc::corrupt ||
         code == errc::internal;
}

std::string_view life_text(source_life life) {
  switch (life) {
    case source_life::live: return "live";
    case source_life::idle: return "idle";
    case source_life::ended: return "ended";
    case source_life::removed: return "removed";
    case source_life::quiet: return "quiet";
  }
  return "?";
}

}  // namespace

shard::shard(shard_options options, event_log& log, state_store& store, shard_listener& listener)
    : impl_(std::make_unique<impl>(std::move(options), log, store, listener)) {}

shard::~shard() = default;

// When the clock is set back, what is due keeps its distance: nothing waits for the old time to come again.
void shard::impl::time_is(std::int64_t us) {
  if (const auto back = now_us - us; back > 0) {
    for (auto* due : {&ingest_cut_at_us, &ingest_ready_us, &commit_retry_us, &open_retry_us, &suspects_from_us})
      *due -= back;
    for (auto& [name, p] : pipelines)
      for (auto* due : {&p.cut_at_us, &p.poll_at_us, &p.retry_at_us}) *due -= back;
  }
  now_us = us;
}

void shard::start(std::shared_ptr<const control_plan> plan, std::int64_t now_us) {
  impl_->reset();
  impl_->time_is(now_us);
  impl_->plan = std::move(plan);
  impl_->draining = false;
  impl_->held.reset();
  impl_->open_retry_us = 0;
  impl_->at = impl::phase::opening;
}

void shard::suspect_predecessor() { impl_->unclean = true; }

std::unique_ptr<shard_tail> shard::make_tail() const {
  return std::make_unique<shard_tail>(impl_->options_of_task(), impl_->log, impl_->store);
}

void shard::go_on_from(std::unique_ptr<shard_tail> tail) { impl_->followed = std::move(tail); }

void shard::stop() {
  impl_->reset();
  impl_->at = impl::phase::stopped;
}

void shard::impl::reset() {
  for (auto& [id, job] : jobs)
    if (job.session == session && job.cancel) job.cancel();
  ++session;
  for (auto& c : chunks)
    if (c.accepted) c.accepted(fail(errc::cancelled, "shard {} restarts", options.shard));
  chunks.clear();
  chunk_bytes = 0;
  chunks_in_job.clear();
  attachments.clear();
  advices.clear();
  clocks.clear();
  source_states.clear();
  told_sources.reset();
  next_idle_us.reset();
  pipelines.clear();
  ready.clear();
  cut_numbers.clear();
  committed_numbers.clear();
  memory_from.clear();
  hints.clear();
  commit_waiters.clear();
  committed_ingest = 0;
  attempts.clear();
  suspects.clear();
  counting_suspect = false;
  suspect_epoch = 0;
  turn->leave_all(options.shard);
  ingest_out = ingest_awaited = false;
  applied.reset();
  writer.reset();
  intake.reset();
  warm.clear();
}

void shard::apply(std::shared_ptr<const control_plan> plan, std::int64_t now_us) {
  impl_->time_is(now_us);
  impl_->plan = std::move(plan);
  if (running()) impl_->follow_plan();
}

pipeline_run shard::impl::new_run(const planned_pipeline& planned) {
  pipeline_run p;
  p.plan = planned;
  p.at = planned.record.state == run_state::quarantined ? pipeline_run::phase::quarantined
                                                        : pipeline_run::phase::restoring;
  p.problem.message = planned.record.error;
  return p;
}

// Pipelines as the control log has them: new ones are made, gone ones dropped, resumed ones tried again.
void shard::impl::follow_plan() {
  for (const auto& [name, planned] : plan->pipelines) {
    auto it = pipelines.find(name);
    if (it != pipelines.end() && it->second.plan.record.incarnation != planned.record.incarnation) continue;
    if (it == pipelines.end()) {
      pipelines.emplace(name, new_run(planned));
      continue;
    }
    auto& p = it->second;
    const bool resumed = p.plan.record.state == run_state::quarantined && planned.record.state == run_state::running;
    p.plan = planned;
    if (!resumed || p.at != pipeline_run::phase::quarantined) continue;
    p.at = pipeline_run::phase::restoring;
    enter_careful(p, true);
  }
  for (auto& [name, p] : pipelines) {
    const auto it = plan->pipelines.find(name);
    if (it != plan->pipelines.end() && it->second.record.incarnation == p.plan.record.incarnation) continue;
    let_go(p);
    p.at = pipeline_run::phase::dropping;
  }
}

void shard::offer(offered_chunk chunk, std::int64_t now_us) {
  impl_->time_is(now_us);
  auto& i = *impl_;
  const auto it = i.attachments.find(chunk.source);
  const bool full = i.chunk_bytes > i.options.ingest_queue_bytes;  // the source waits until there is room
  if (chunk.request) {
    if (running() && !full && !i.draining) return i.take_in(std::move(chunk));
    const char* why = full ? "has as many records waiting as limits.ingest_queue allows" : "stops or starts just now";
    return chunk.accepted(fail(errc::unavailable, "shard {} {}", i.options.shard, why));
  }
  const bool known = it != i.attachments.end() && it->second.session == chunk.session;
  if (!running() || full || i.draining || it == i.attachments.end() || it->second.refused || (rule_on(6) && !known)) {
    if (known) it->second.refused = true;
    if (chunk.accepted) chunk.accepted(fail(errc::cancelled, "source {} must attach again", chunk.source));
    return;
  }
  i.take_in(std::move(chunk));
}

void shard::impl::take_in(offered_chunk chunk) {
  chunk_bytes += chunk.chunk.records.byte_count();
  chunks.push_back(std::move(chunk));
}

void shard::advise(std::string_view stream, const clock_advice& advice, std::int64_t now_us) {
  impl_->time_is(now_us);
  if (running()) impl_->advices.emplace_back(stream, advice);
}

void shard::wake(std::string_view topic, std::int64_t end) {
  for (auto& [name, p] : impl_->pipelines)
    if (auto it = p.known_end.find(topic); it != p.known_end.end()) it->second = std::max(it->second, end);
}

void shard::resume_pipeline(std::string_view name, std::int64_t now_us) {
  impl_->time_is(now_us);
  const auto it = impl_->pipelines.find(name);
  if (it == impl_->pipelines.end() || it->second.at != pipeline_run::phase::quarantined) return;
  it->second.at = pipeline_run::phase::restoring;
  impl_->enter_careful(it->second, true);
}

void shard::tick(std::int64_t now_us) { impl_->time_is(now_us); }

void shard::finished(std::uint64_t job, std::int64_t now_us) {
  auto& i = *impl_;
  i.time_is(now_us);
  const auto it = i.jobs.find(job);
  if (it == i.jobs.end()) return;
  auto record = std::move(it->second);
  i.jobs.erase(it);
  if (record.kind == job_kind::open || record.kind == job_kind::commit) --i.writer_jobs;
  if (record.session != i.session) return;
  if (record.abandoned && rule_on(3)) return;
  record.done();
}

void shard::hung(std::uint64_t job, std::int64_t now_us) {
  auto& i = *impl_;
  i.time_is(now_us);
  const auto it = i.jobs.find(job);
  if (it == i.jobs.end() || it->second.session != i.session || it->second.abandoned) return;
  const error why{errc::timeout, "an operator did not come back; its thread was given up",
                  "see the pipeline's last records, then resume it"};
  if (it->second.kind == job_kind::task || it->second.kind == job_kind::restore) {
    it->second.abandoned = true;
    if (auto p = i.pipelines.find(it->second.pipeline); p != i.pipelines.end()) {
      p->second.job_out = false;
      if (p->second.at != pipeline_run::phase::dropping) i.quarantine(p->second, why);
    }
    return;
  }
  if (it->second.kind == job_kind::ingest)
    i.fail_ingest({errc::timeout, "ingest did not come back; its thread was given up", {}});
  else
    i.fail_shard({errc::timeout, "opening or a commit of the shard hangs", {}});
}

void shard::drain(std::int64_t now_us) {
  impl_->time_is(now_us);
  impl_->draining = true;
}

bool shard::running() const { return impl_->at == impl::phase::running; }

bool shard::drained() const {
  const auto& i = *impl_;
  if (i.at == impl::phase::stopped) return true;
  if (!running() || !i.draining) return false;
  if (i.ingest_out || i.writer_jobs > 0 || !i.chunks.empty() || !i.ready.empty() || i.intake->dirty()) return false;
  return std::ranges::none_of(i.pipelines, [](const auto& entry) {
    const auto& p = entry.second;
    return p.job_out || (p.at == pipeline_run::phase::running && p.work->dirty() && !p.careful);
  });
}

std::vector<shard_job> shard::take_runnable() {
  auto& i = *impl_;
  std::vector<shard_job> out;
  if (i.at == impl::phase::opening) {
    if (i.writer_jobs == 0 && i.now_us >= i.open_retry_us) out.push_back(i.open_job());
    return out;
  }
  if (!running()) return out;
  i.waits_for_turn = false;
  if (!i.ingest_out) {
    if (auto job = i.suspect_job()) out.push_back(std::move(*job));
    if (auto job = i.ingest_job()) out.push_back(std::move(*job));
  }
  for (auto& [name, p] : i.pipelines)
    if (!p.job_out)
      if (auto job = i.pipeline_job(p)) out.push_back(std::move(*job));
  if (i.writer_jobs == 0)
    if (auto job = i.commit_job()) out.push_back(std::move(*job));
  return out;
}

std::optional<std::int64_t> shard::next_tick_us() const {
  const auto& i = *impl_;
  if (i.at == impl::phase::opening && i.open_retry_us > i.now_us) return i.open_retry_us;
  if (!running()) return std::nullopt;
  std::int64_t next = i.now_us + longest_rest_us;
  const auto at_most = [&](std::int64_t t) { next = std::min(next, std::max(t, i.now_us + 1'000)); };
  // What waits for a job or a commit that is out goes on with its end, not with a tick.
  if (!i.ingest_out) {
    if (i.intake->dirty() && !i.has_ready(ingest_pipeline))
      at_most(i.next_ingest_cut_us(!i.ingest_has_records));
    if (i.next_idle_us) at_most(*i.next_idle_us);
  }
  for (const auto& [name, p] : i.pipelines) {
    if (!p.job_out && p.work && p.work->dirty() && !i.has_ready(name))
      at_most(i.next_cut_us(p.cut_at_us, !p.work->urgent()));
    if (!p.job_out && p.work && !p.careful) at_most(p.poll_at_us);
    if (p.retry_at_us > i.now_us) at_most(p.retry_at_us);
  }
  if (!i.ready.empty() && i.commit_retry_us > i.now_us) at_most(i.commit_retry_us);
  if (const auto until = i.company_until_us(); until && *until > i.now_us) at_most(*until);
  if (i.suspects_from_us > i.now_us) at_most(i.suspects_from_us);
  if (i.waits_for_turn) at_most(i.now_us);
  return next;
}

std::optional<source_attachment> shard::attach(std::string_view source) {
  auto& i = *impl_;
  if (!running() || i.draining || i.chunk_bytes > i.options.ingest_queue_bytes) return std::nullopt;
  const auto state = i.source_states.find(source);
  if (state == i.source_states.end() || state->second.state == "removed") return std::nullopt;
  // What a job holds of it may still be accepted: its position is not known before (PROTOCOL 6).
  if (const auto out = i.chunks_in_job.find(source); out != i.chunks_in_job.end() && out->second > 0)
    return std::nullopt;
  const auto session = i.next_attachment++;
  i.attachments.insert_or_assign(std::string(source), attached_source{session});
  return source_attachment{session, i.source_incarnations[std::string(source)], state->second.position};
}

// Of a task that goes on no more: what it made and was to take.
void shard::impl::let_go(pipeline_run& p) {
  drop_ready(p.plan.record.name);
  turn->leave(options.shard, p.plan.record.name);
  p.work.reset();
  p.queue.clear();
  p.queue_bytes = 0;
}

void shard::impl::fail_pipeline(pipeline_run& p, const error& why) {
  if (is_final(why.code)) return quarantine(p, why);
  enter_careful(p, true);
  let_go(p);
  p.problem = why;
  ++p.restarts;
  p.at = p.in_flight && rule_on(4) ? pipeline_run::phase::waiting : pipeline_run::phase::restoring;
  listener.pipeline_restarted(options.shard, p.plan.record.name, why);
}

void shard::impl::quarantine(pipeline_run& p, const error& why) {
  let_go(p);
  p.problem = why;
  p.at = pipeline_run::phase::quarantined;
  listener.pipeline_quarantined(options.shard, p.plan.record.name, why);
}

void shard::impl::fail_shard(const error& why) {
  reset();
  at = phase::stopped;
  listener.shard_failed(options.shard, why);
}

// What it failed on comes again, as a suspect.
void shard::impl::fail_ingest(const error& why) {
  careful_intake = rule_on(9);
  ingest_problem = why.text();
  fail_shard(why);
}

// Spends no restarts: the shard opens again when the log takes something.
void shard::impl::wait_for_log(const error& why) {
  const bool told = held && at == phase::opening;
  reset();
  if (!told) listener.shard_held(options.shard, why, true);
  held = why;
  at = phase::opening;
  open_retry_us = now_us + log_retry_us;
}

// Only while no job has the task.
void shard::impl::note_progress(pipeline_run& p) {
  p.seen.records = p.work->records();
  p.seen.state_bytes = p.work->state_bytes();
  p.seen.view_clocks = p.work->view_clocks();
  for (const auto& input : p.work->inputs())
    if (input.kind == input_kind::stream) p.seen_positions[input.name] = input.position;
}

std::map<std::string, pipeline_status> shard::pipelines() const {
  std::map<std::string, pipeline_status> out;
  for (auto& [name, p] : impl_->pipelines) {
    if (p.work && !p.job_out) impl_->note_progress(p);
    auto& s = out[name] = p.seen;
    switch (p.at) {
      case pipeline_run::phase::waiting:
      case pipeline_run::phase::restoring: s.state = "restarting"; break;
      case pipeline_run::phase::running: s.state = p.careful ? "careful" : "running"; break;
      case pipeline_run::phase::quarantined: s.state = "quarantined"; break;
      case pipeline_run::phase::dropping: s.state = "dropping"; break;
    }
    s.error = p.problem.text();
    s.restarts = p.restarts;
    s.incarnation = p.plan.record.incarnation;
    s.queue_bytes = p.queue_bytes;
    for (const auto& [stream, position] : p.seen_positions) {
      const auto known = impl_->committed_numbers.find(stream);
      if (known != impl_->committed_numbers.end() && known->second > position) s.behind += known->second - position;
    }
  }
  return out;
}

source_statuses shard::sources() const {
  auto& last = impl_->told_sources;
  if (!last) last = std::make_shared<const source_status_map>(impl_->source_states);
  return last;
}

std::uint64_t shard::commits() const { return impl_->commits; }

std::size_t shard::queue_bytes() const { return impl_->chunk_bytes; }

std::optional<error> shard::held() const { return impl_->held; }

source_status status_of(const ingest_source& s) {
  return {s.accepted, s.dead, s.late, s.own.watermark_us, s.last_record_us, std::string(life_text(s.life)), s.position};
}

task_options shard::impl::options_of_task() const {
  return {options.app, options.shard, options.shards, options.operators, options.job_bytes};
}

}  // namespace weir

// What may run in a shard now: opening, ingest, and the tasks of its pipelines.
#include <algorithm>

#include "actors/shard/shard_impl.hpp"
#include "cluster/topic_names.hpp"
#include "runtime/fault/protocol_rules.hpp"
#include "runtime/operators/byte_codec.hpp"
#include "runtime/time/timestamp.hpp"
#include "state/state_key.hpp"

namespace weir {

namespace {

constexpr std::int64_t poll_us = 1'000'000, retry_us = 1'000;
constexpr std::int64_t restore_retry_us = 50'000;
constexpr int restore_tries = 100;

struct opened {
  std::shared_ptr<shard_writer> writer;
  std::shared_ptr<ingest> intake;
  std::map<std::string, attempt> attempts;
  task_map warm;
};

void append(std::vector<ingested_ptr>& to, std::vector<ingested_ptr> from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

ingested run_ingest(ingest& intake, ingest_work& work, int shards, std::int64_t now_us) {
  ingested out;
  if (work.plan) append(out.batches, intake.apply(*work.plan, shards, now_us));
  for (const auto& [stream, advice] : work.advices) append(out.batches, intake.advise(stream, advice, now_us));
  if (work.check_idle) append(out.batches, intake.mark_idle(now_us));
  for (auto& c : work.chunks) {
    const auto known = work.incarnations.find(c.source);
    const auto incarnation = known == work.incarnations.end() ? 0 : known->second;
    auto accepted = c.request ? intake.accept_request(c.source, incarnation, std::move(c.chunk), *c.request, now_us)
                              : intake.accept(c.source, incarnation, std::move(c.chunk), now_us, work.take);
    out.chunks.push_back(accepted ? status{} : fail(accepted.error()));
    if (accepted) append(out.batches, std::move(*accepted));
  }
  for (const auto& stream : intake.take_changed_streams()) out.clocks[stream] = intake.clock_of(stream);
  for (const auto& name : intake.take_changed()) {
    const auto& s = intake.sources().find(name)->second;
    out.changed.emplace_back(name, status_of(s));
    out.incarnations.emplace_back(name, s.incarnation);
  }
  out.next_idle_us = intake.next_idle_us();
  if (!work.cut) return out;
  out.numbers = intake.open_numbers();
  out.cut = intake.cut();
  return out;
}

}  // namespace

result<std::shared_ptr<ingest>> shard::impl::restored_ingest() {
  auto in = std::make_shared<ingest>(options.app, options.shard, log.max_entry_bytes() / 2, options.ingest);
  const auto prefix = state_prefix(ingest_pipeline, 0);
  WEIR_TRY_VOID(store.load(options.shard, prefix, [&](std::string_view key, std::string_view value) {
    return in->restore(key.substr(prefix.size()), value);
  }));
  return in;
}

shard_job shard::impl::open_job() {
  at = phase::opening;
  auto the_plan = plan;
  auto tail = std::exchange(followed, nullptr);
  if (!tail) tail = std::make_shared<shard_tail>(options_of_task(), log, store);
  auto work = [this, the_plan, tail]() -> result<opened> {
    opened o;
    if (options.may_open && rule_on(22)) WEIR_TRY_VOID(options.may_open());
    o.writer = std::make_shared<shard_writer>(options.app, options.shard, log, store, options.writers);
    WEIR_TRY_VOID(o.writer->open(*the_plan, *tail));
    WEIR_TRY(counted, o.writer->read_attempts());
    o.attempts = std::move(counted);
    WEIR_TRY(restored, restored_ingest());
    o.intake = std::move(restored);
    o.warm = tail->take_tasks(*the_plan);
    return o;
  };
  return make_job(job_kind::open, {}, std::move(work), [this, tail](result<opened> o) {
    if (!o && passes(o.error().code)) {
      followed = tail;
      return wait_for_log(o.error());
    }
    if (!o) return fail_shard(o.error());
    held.reset();
    writer = std::move(o->writer);
    intake = std::move(o->intake);
    unclean = unclean || (!started_before && !store.was_clean());
    started_before = true;
    attempts = std::move(o->attempts);
    warm = std::move(o->warm);
    at = phase::running;
    ingest_cut_at_us = now_us;
    for (const auto& stream : intake->stream_names()) committed_numbers[stream] = intake->next_number(stream);
    for (const auto& [name, definition] : plan->names.streams)
      committed_numbers.emplace(name, intake->next_number(name));
    told_sources.reset();
    for (const auto& [name, s] : intake->sources()) {
      source_states[name] = status_of(s);
      source_incarnations[name] = s.incarnation;
    }
    follow_plan();
    for (auto& [name, p] : pipelines)
      if (const auto it = attempts.find(name); it != attempts.end()) p.trying = it->second;
    if (unclean) after_unclean_exit();
    if (careful_intake) suspects_from_us = now_us + suspect_wait_us;
    listener.shard_running(options.shard);
  });
}

bool shard::impl::has_ready(std::string_view pipeline) const {
  return std::ranges::any_of(ready, [&](const epoch& e) { return e.pipeline == pipeline; });
}

// Epochs grow under load; at the tail a commit follows at once (group commit, DESIGN §5).
std::int64_t shard::impl::interval_us(bool backlog) const {
  return backlog ? options.commit_interval_max_us : options.commit_interval_min_us;
}

// A task's epoch that holds records of ingest's open one waits for it: cut sooner, both are one commit, not two. Half
// of the interval stays, so that pipelines that cut at different times do not make a commit each.
std::int64_t shard::impl::next_ingest_cut_us(bool backlog) const {
  const bool awaited =
      std::ranges::any_of(ready, [&](const epoch& e) { return e.needs_ingest >= intake->open_epoch(); });
  return awaited ? ingest_cut_at_us + interval_us(backlog) / 2 : next_cut_us(ingest_cut_at_us, backlog);
}

// At the end of the interval; from its half on at the next of the moments that all shards have in common, so that those
// that share a writer come to commit together.
std::int64_t shard::impl::next_cut_us(std::int64_t last_cut, bool backlog) const {
  const auto interval = interval_us(backlog);
  if (interval == 0 || options.commit_company_us == 0) return last_cut + interval;
  return std::max(last_cut + interval / 2, floor_to(last_cut, interval) + interval);
}

bool shard::impl::cut_due(std::int64_t last_cut, bool backlog) const {
  return draining || now_us >= next_cut_us(last_cut, backlog);
}

offered_chunk shard::impl::take_front_chunk() {
  auto c = std::move(chunks.front());
  chunks.pop_front();
  chunk_bytes -= c.chunk.records.byte_count();
  return c;
}

void shard::impl::hand_to_job(ingest_work& work, offered_chunk c) {
  ++chunks_in_job[c.source];
  work.incarnations[c.source] = source_incarnations[c.source];
  work.answers.push_back({c.source, std::move(c.accepted), std::move(c.committed), c.request});
  work.chunks.push_back(std::move(c));
}

// A source's chunks wait until the plan that knows it is applied.
void shard::impl::take_chunks(ingest_work& work) {
  for (std::size_t bytes = 0; !work.plan && !ingest_full() && bytes < options.job_bytes;) {
    drop_stale_chunks();
    if (chunks.empty()) return;
    if (auto* suspect = front_suspect()) {
      if (work.chunks.empty()) take_suspect(work, *suspect);
      return;
    }
    bytes += chunks.front().chunk.records.byte_count() + 1;
    hand_to_job(work, take_front_chunk());
  }
}

std::optional<shard_job> shard::impl::ingest_job() {
  auto work = std::make_shared<ingest_work>();
  if (applied != plan) work->plan = plan;
  work->advices = std::exchange(advices, {});
  work->check_idle = next_idle_us && now_us >= *next_idle_us;
  take_chunks(*work);
  const bool takes = work->plan || !work->advices.empty() || !work->chunks.empty();
  const bool records = !work->chunks.empty() || ingest_has_records;  // else only marks: they can wait for company
  const bool awaited = ingest_awaited || std::ranges::any_of(work->answers, [](const ingest_work::answer& a) {
                         return static_cast<bool>(a.committed);
                       });
  const bool backlog = !awaited && (!chunks.empty() || !records);
  const bool due = ingest_full() || draining || now_us >= next_ingest_cut_us(backlog);
  work->cut = work->cut || (!has_ready(ingest_pipeline) && due && (intake->dirty() || takes));
  if (!takes && !work->cut && !work->check_idle) return std::nullopt;
  if (work->cut) ingest_cut_at_us = now_us;
  ingest_has_records = records && !work->cut;
  ingest_awaited = awaited && !work->cut;
  ingest_out = true;
  auto run = [in = intake, work, shards = options.shards, now = now_us]() -> result<ingested> {
    return run_ingest(*in, *work, shards, now);
  };
  auto job = make_job(job_kind::ingest, {}, std::move(run), [this, work](result<ingested> r) {
    ingest_out = false;
    if (r) return take_ingested(*work, std::move(*r));
    work->cancel(options.shard);
    if (rule_on(5)) return fail_ingest(r.error());
    if (auto fresh = restored_ingest()) intake = std::move(*fresh);
  });
  jobs[job.id].cancel = [work, which = options.shard] { work->cancel(which); };
  return job;
}

void shard::impl::take_ingested(ingest_work& work, ingested r) {
  if (work.plan) applied = work.plan;
  next_idle_us = r.next_idle_us;
  for (const auto& answer : work.answers)
    if (auto it = chunks_in_job.find(answer.source); --it->second == 0) chunks_in_job.erase(it);
  if (!r.changed.empty()) told_sources.reset();
  if (!work.suspect.empty()) suspect_taken(work, r.chunks.front());
  for (auto& [name, s] : r.changed) source_states[name] = std::move(s);
  for (auto& [name, incarnation] : r.incarnations) source_incarnations[name] = incarnation;
  const auto open_epoch = r.cut ? r.cut->number : intake->open_epoch();
  if (r.cut) {
    cut_numbers[r.cut->number] = r.numbers;
    ready.push_back(std::move(*r.cut));
    ingest_ready_us = now_us;
  }
  route(r.batches);
  for (std::size_t i = 0; i < r.chunks.size(); ++i) {
    auto& answer = work.answers[i];
    if (answer.accepted) answer.accepted(r.chunks[i]);
    if (!r.chunks[i] || !answer.committed) continue;
    const auto epoch = answer.request ? answer.request->epoch : open_epoch;
    if (epoch <= committed_ingest)
      answer.committed();
    else
      commit_waiters.emplace_back(epoch, std::move(answer.committed));
  }
  for (const auto& [stream, clock] : r.clocks) {
    const auto it = clocks.find(stream);
    if (it != clocks.end() && it->second == clock) continue;
    clocks[stream] = clock;
    listener.clock_changed(options.shard, stream, clock);
  }
}

// Hands batches to the pipelines that read their stream; one that is too far behind reads them from the log instead.
void shard::impl::route(const std::vector<ingested_ptr>& batches) {
  for (auto& [name, p] : pipelines) {
    if (p.at != pipeline_run::phase::running || p.careful) continue;
    for (const auto& b : batches) {
      if (const auto from = memory_from.find(b->stream); from != memory_from.end() && b->first_number < from->second)
        continue;
      const auto reads = std::ranges::any_of(
          p.plan.views, [&](const view_plan& v) { return v.input_is_stream && v.input == b->stream; });
      if (!reads || p.queue_bytes + b->bytes > options.task_queue_bytes) continue;
      p.queue_bytes += b->bytes;
      p.queue[b->stream].push_back(b);
    }
  }
}

std::optional<shard_job> shard::impl::pipeline_job(pipeline_run& p) {
  switch (p.at) {
    case pipeline_run::phase::restoring: return now_us < p.retry_at_us ? std::nullopt : std::optional(restore_job(p));
    case pipeline_run::phase::dropping: return end_job(p);
    case pipeline_run::phase::running: return p.careful ? careful_job(p) : task_job(p);
    default: return std::nullopt;
  }
}

// `ahead`: as a standby had it; none, or one that does not fit: from the store.
result<std::shared_ptr<task>> shard::impl::restored_task(const planned_pipeline& planned, const catalog& names,
                                                         std::shared_ptr<task> ahead) {
  if (ahead && ahead->begin(store)) return ahead;
  auto made = std::make_shared<task>(options_of_task(), planned, names);
  WEIR_TRY_VOID(made->restore(store, log));
  return made;
}

shard_job shard::impl::restore_job(pipeline_run& p) {
  p.job_out = true;
  const auto incarnation = ++p.incarnation;
  std::shared_ptr<task> ahead;
  if (auto known = warm.extract(state_prefix(p.plan.record.name, p.plan.record.incarnation))) ahead = known.mapped();
  auto made = [this, planned = p.plan, names = plan->names, ahead]() -> result<std::shared_ptr<task>> {
    return restored_task(planned, names, ahead);
  };
  return make_job(job_kind::restore, p.plan.record.name, std::move(made),
                  [this, name = p.plan.record.name, incarnation](result<std::shared_ptr<task>> t) {
                    const auto it = pipelines.find(name);
                    if (it == pipelines.end() || it->second.incarnation != incarnation) return;
                    auto& run = it->second;
                    run.job_out = false;
                    if (run.at != pipeline_run::phase::restoring) return;
                    if (!t) return restore_failed(run, t.error());
                    if (passes(run.problem.code)) run.problem = {};
                    run.restore_failures = 0;
                    run.work = std::move(*t);
                    note_progress(run);
                    run.at = pipeline_run::phase::running;
                    run.next_epoch = 1;
                    run.cut_at_us = now_us;
                    clamp_careful(run);
                    run.known_end.clear();
                    run.poll_at_us = run.retry_at_us = 0;  // what was committed meanwhile woke nobody
                    for (const auto& input : run.work->inputs())
                      if (input.kind != input_kind::stream) run.known_end[input.topic] = 0;
                  });
}

void shard::impl::restore_failed(pipeline_run& p, const error& why) {
  const bool waits = passes(why.code);
  if (!waits && (why.code != errc::thrown || ++p.restore_failures >= restore_tries)) return quarantine(p, why);
  p.retry_at_us = now_us + (waits ? log_retry_us : restore_retry_us);
  if (waits) p.problem = why;
}

// What ends a pipeline that is gone from the control log: its successor's start, or its state's removal. Epochs that a
// full disk has put back are its last.
std::optional<shard_job> shard::impl::end_job(pipeline_run& p) {
  if (p.in_flight || has_ready(p.plan.record.name)) return std::nullopt;
  const auto next = plan->pipelines.find(p.plan.record.name);
  const bool replaced =
      next != plan->pipelines.end() && next->second.record.first_incarnation <= p.plan.record.incarnation;
  if (!replaced) return drop_job(p);
  const auto incarnation = p.incarnation;
  p = new_run(next->second);
  p.incarnation = incarnation;
  return p.at == pipeline_run::phase::restoring ? std::optional(restore_job(p)) : std::nullopt;
}

// A dropped pipeline's state goes with tombstones; its views' tables at once.
shard_job shard::impl::drop_job(pipeline_run& p) {
  p.job_out = true;
  auto tombstones = [this, planned = p.plan]() -> result<epoch> {
    epoch e;
    e.pipeline = planned.record.name;
    const auto prefix = state_prefix(planned.record.name, planned.record.incarnation);
    WEIR_TRY_VOID(remove_state(store, options.shard, prefix, e.changes));
    for (const auto& v : planned.views) WEIR_TRY_VOID(store.wipe_view(options.shard, v.name));
    return e;
  };
  return make_job(job_kind::task, p.plan.record.name, std::move(tombstones),
                  [this, name = p.plan.record.name](result<epoch> e) {
                    if (e) ready.push_back(std::move(*e));
                    pipelines.erase(name);
                    follow_plan();
                  });
}

void shard::impl::use_hint(task_input& input) const {
  const auto it = hints.find(input.topic);
  if (it == hints.end()) return;
  for (auto h = it->second.rbegin(); h != it->second.rend(); ++h) {
    if (h->first_number > input.position) continue;
    input.offset_hint = std::max(input.offset_hint, h->offset);
    return;
  }
}

// What a task takes next: batches from memory where they continue its positions, else its inputs to read on.
task_work shard::impl::take_task_work(pipeline_run& p, bool poll) {
  task_work w;
  std::size_t bytes = 0;
  for (const auto& known : p.work->inputs()) {
    auto& input = *p.work->find_input(known.kind, known.name);
    if (input.kind != input_kind::stream) {
      if (poll || has_work(p, input)) w.behind.push_back(&input);
      continue;
    }
    auto& queue = p.queue[input.name];
    auto position = input.position;
    const bool silent = position < p.work->catch_up(input);  // what was told before ends anywhere inside an entry
    while (!silent && !queue.empty() && bytes < options.job_bytes) {
      const auto front = queue.front();
      const bool stale = front->next_number <= position;
      if (!stale && rule_on(2) && front->first_number != position) break;
      p.queue_bytes -= front->bytes;
      queue.pop_front();
      if (stale) continue;
      position = front->next_number;
      bytes += front->bytes;
      w.batches.push_back(front);
    }
    if (position == input.position && has_work(p, input)) {
      use_hint(input);
      w.behind.push_back(&input);
      w.backlog = true;
    }
    w.backlog = w.backlog || !queue.empty();
  }
  return w;
}

std::optional<shard_job> shard::impl::task_job(pipeline_run& p) {
  const bool full = p.work->open_bytes() >= options.epoch_max_bytes;
  const bool poll = now_us >= p.poll_at_us;
  auto w = full ? task_work{} : take_task_work(p, poll);
  const bool takes = !w.batches.empty() || !w.behind.empty();
  // An epoch in which only time went on can wait for others to join it.
  const bool cut_anyway = full || cut_due(p.cut_at_us, true);
  const bool owed = takes || (p.work->dirty() && (p.work->urgent() || cut_anyway));
  const bool follows = options.commit_company_us > 0 && has_ready(ingest_pipeline);
  const bool cut = !has_ready(p.plan.record.name) && owed && (full || follows || cut_due(p.cut_at_us, w.backlog));
  if (!takes && !cut) return std::nullopt;
  if (poll) p.poll_at_us = now_us + poll_us;
  p.job_out = true;
  struct done {
    std::optional<epoch> cut;
    bool read_nothing = false;
  };
  auto run = [this, t = p.work, w = std::move(w), cut, cut_anyway]() -> result<done> {
    done d;
    for (const auto& b : w.batches) WEIR_TRY_VOID(t->process(*b));
    std::size_t read_bytes = 0;
    for (auto* input : w.behind) {
      WEIR_TRY(read, t->read_on(*input, log, options.job_bytes));
      read_bytes += read;
    }
    d.read_nothing = !w.behind.empty() && read_bytes == 0;
    if (!cut || !t->dirty() || (!t->urgent() && !cut_anyway)) return d;
    WEIR_TRY(e, t->cut());
    d.cut = std::move(e);
    return d;
  };
  return make_job(
      job_kind::task, p.plan.record.name, std::move(run),
      [this, name = p.plan.record.name, incarnation = p.incarnation, began = now_us](result<done> d) {
        const auto it = pipelines.find(name);
        if (it == pipelines.end()) return;
        auto& run_of = it->second;
        if (rule_on(3) && (run_of.incarnation != incarnation || run_of.at != pipeline_run::phase::running)) {
          run_of.job_out = run_of.incarnation != incarnation && run_of.job_out;
          return;
        }
        run_of.job_out = false;
        if (!d) return fail_pipeline(run_of, d.error());
        note_progress(run_of);
        if (d->read_nothing) run_of.retry_at_us = now_us + retry_us;
        if (!d->cut) return;
        run_of.cut_at_us = began;
        accept_epoch(run_of, std::move(*d->cut));
      });
}

}  // namespace weir

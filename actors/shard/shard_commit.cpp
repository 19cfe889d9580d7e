// Epochs that are ready, and the commit that makes them true.
#include <algorithm>

#include "actors/shard/shard_impl.hpp"
#include "runtime/fault/protocol_rules.hpp"

namespace weir {

namespace {

constexpr std::size_t hints_kept = 1'024;

}  // namespace

void shard::impl::drop_ready(std::string_view pipeline) {
  if (rule_on(4)) std::erase_if(ready, [&](const epoch& e) { return e.pipeline == pipeline; });
}

// Checked before an epoch counts as ready: the log would refuse it, and everyone else's with it (PROTOCOL 7).
void shard::impl::accept_epoch(pipeline_run& p, epoch e) {
  e.incarnation = p.incarnation;
  e.number = p.next_epoch++;
  const auto limit = log.max_entry_bytes();
  for (const auto& a : e.appends)
    if (rule_on(7) && a.bytes() > limit)
      return quarantine(
          p, {errc::limit_exceeded,
              fmt::format("an entry of {} bytes for {} is over the log's limit of {}", a.bytes(), a.topic, limit),
              "raise log.max_record or make the view's rows smaller"});
  for (const auto& c : e.changes)
    if (rule_on(7) && c.key.size() + (c.value ? c.value->size() : 0) > limit)
      return quarantine(p, {errc::limit_exceeded,
                            fmt::format("a state entry of pipeline {} is over the log's limit of {} bytes",
                                        p.plan.record.name, limit),
                            "raise log.max_record, or keep less per group"});
  ready.push_back(std::move(e));
}

// Until when the commit waits for tasks that are about to cut: what they make of ingest's rows would else be a commit
// of its own.
std::optional<std::int64_t> shard::impl::company_until_us() const {
  if (options.commit_company_us == 0 || draining || !has_ready(ingest_pipeline)) return std::nullopt;
  const bool expected = std::ranges::any_of(pipelines, [&](const auto& named) {
    const auto& [name, p] = named;
    if (p.at != pipeline_run::phase::running || p.careful || has_ready(name)) return false;
    return p.job_out || p.queue_bytes > 0 || (p.work && p.work->dirty() && p.work->urgent());
  });
  return expected ? std::optional(ingest_ready_us + options.commit_company_us) : std::nullopt;
}

std::optional<shard_job> shard::impl::commit_job() {
  if (now_us < commit_retry_us || ready.empty()) return std::nullopt;
  if (const auto until = company_until_us(); until && now_us < *until) return std::nullopt;
  auto known_ingest = committed_ingest;
  for (const auto& e : ready)
    if (e.pipeline == ingest_pipeline) known_ingest = std::max(known_ingest, e.number);
  auto taken = std::make_shared<std::vector<epoch>>();
  std::vector<epoch> left;
  for (auto& e : ready) {
    const bool may = !rule_on(3) || e.needs_ingest <= known_ingest;
    (may ? *taken : left).push_back(std::move(e));
  }
  ready = std::move(left);
  if (taken->empty()) return std::nullopt;
  // Ingest's rows first: who reads the log in order meets the records before what was made of them.
  std::ranges::stable_partition(*taken, [](const epoch& e) { return e.pipeline == ingest_pipeline; });
  for (const auto& e : *taken)
    if (auto p = pipelines.find(e.pipeline); p != pipelines.end()) p->second.in_flight = true;
  auto run = [w = writer, taken]() -> result<commit_outcome> { return w->commit(*taken); };
  return make_job(job_kind::commit, {}, std::move(run), [this, taken](result<commit_outcome> outcome) {
    if (!outcome && passes(outcome.error().code) && !writer->stands_in_part()) {
      if (!held) listener.shard_held(options.shard, outcome.error(), false);
      held = outcome.error();
      commit_retry_us = now_us + log_retry_us;
      for (auto& [name, p] : pipelines) p.in_flight = false;
      ready.insert(ready.begin(), std::make_move_iterator(taken->begin()), std::make_move_iterator(taken->end()));
      return;
    }
    if (!outcome && outcome.error().code == errc::unknown_outcome && !rule_on(8))
      outcome = commit_outcome{{taken->size(), status{}}, {}, {}};
    if (!outcome && passes(outcome.error().code)) return wait_for_log(outcome.error());
    if (!outcome) return fail_shard(outcome.error());
    held.reset();
    committed(*taken, *outcome);
  });
}

void shard::impl::committed(const std::vector<epoch>& epochs, const commit_outcome& outcome) {
  ++commits;
  for (auto& [name, p] : pipelines) {
    if (p.in_flight && p.careful) turn->leave(options.shard, name);
    p.in_flight = false;
    if (p.at == pipeline_run::phase::waiting) p.at = pipeline_run::phase::restoring;
  }
  for (std::size_t i = 0; i < epochs.size(); ++i) {
    const auto& e = epochs[i];
    if (e.pipeline == ingest_pipeline) {
      if (!outcome.epochs[i]) return fail_shard(outcome.epochs[i].error());
      committed_ingest = std::max(committed_ingest, e.number);
    } else if (!outcome.epochs[i]) {
      if (auto p = pipelines.find(e.pipeline); p != pipelines.end()) quarantine(p->second, outcome.epochs[i].error());
    }
  }
  if (suspect_epoch != 0 && suspect_epoch <= committed_ingest) {
    suspect_epoch = 0;
    turn->leave(options.shard, ingest_pipeline);
  }
  while (!cut_numbers.empty() && cut_numbers.begin()->first <= committed_ingest) {
    for (const auto& [stream, next] : cut_numbers.begin()->second) committed_numbers[stream] = next;
    cut_numbers.erase(cut_numbers.begin());
  }
  for (const auto& h : outcome.streams) {
    auto& list = hints[h.topic];
    list.push_back(h);
    while (list.size() > hints_kept) list.pop_front();
  }
  auto waiters = std::move(commit_waiters);
  commit_waiters.clear();
  for (auto& w : waiters)
    if (w.first <= committed_ingest)
      w.second();
    else
      commit_waiters.push_back(std::move(w));
  for (const auto& [topic, partition, end, rows] : outcome.grown)
    listener.topic_committed(options.shard, topic, partition, end, rows);
}

}  // namespace weir

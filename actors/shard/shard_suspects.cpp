// How ingest gets past a record that it cannot stand (PROTOCOL 9). After an unclean exit, or a failure of ingest in
// this process, each source's first chunks are suspects: one at a time is taken, its attempt counted in the log before,
// its epoch committed before the next. After `attempts` failures a chunk is taken in parts that shrink; each commits
// with how far beyond the source's position it goes. A record that still fails alone becomes a dead letter, undecoded.
#include <algorithm>

#include "actors/shard/shard_impl.hpp"
#include "cluster/topic_names.hpp"
#include "runtime/fault/protocol_rules.hpp"

namespace weir {

namespace {

constexpr std::uint64_t first_shrunk = 512, shrink = 8;

}  // namespace

// A session that is not the source's any more: what it had offered comes again.
void shard::impl::drop_stale_chunks() {
  const auto is_stale = [&](const offered_chunk& c) {
    return !c.request && attachments[c.source].session != c.session;
  };
  while (!chunks.empty() && rule_on(6) && is_stale(chunks.front())) {
    auto c = take_front_chunk();
    if (const auto s = suspects.find(c.source); s != suspects.end()) s->second.begun = false;
    if (c.accepted) c.accepted(fail(errc::cancelled, "source {} attached again", c.source));
  }
}

// The first chunk's source, when the chunk must be taken as a suspect; only while ingest is at rest.
suspect_source* shard::impl::front_suspect() {
  if (!careful_intake || chunks.empty()) return nullptr;
  const auto& c = chunks.front();
  const auto* source = intake->find_source(c.source);
  if (source == nullptr) return nullptr;
  auto [it, is_new] = suspects.try_emplace(c.source);
  auto& s = it->second;
  if (is_new) {
    s.chunks_left = options.suspect_chunks;
    if (const auto known = attempts.find(source_attempts + c.source); known != attempts.end()) s.trying = known->second;
  }
  if (s.chunks_left == 0 || intake->untaken(*source, c.chunk, s.begun) == 0) return nullptr;
  if (s.trying.position == source->next_sequence && !s.trying.stream.empty()) return &s;
  s.trying = {topic::stream(options.app, source->stream), source->next_sequence, s.unit_length, 0};
  s.counted = s.poison = false;
  return &s;
}

std::optional<shard_job> shard::impl::suspect_job() {
  if (!careful_intake || suspect_epoch != 0 || counting_suspect || applied != plan) return std::nullopt;
  drop_stale_chunks();
  auto* s = front_suspect();
  if (s == nullptr) {
    turn->leave(options.shard, ingest_pipeline);
    return std::nullopt;
  }
  if (!may_try(s->trying, s->counted, ingest_pipeline) || s->counted || s->poison) return std::nullopt;
  auto& a = s->trying;
  // The last step is tried as often as the first: a process may be killed some times beside an innocent record.
  const auto limit = a.length == whole_unit || a.length == 1 ? static_cast<std::uint64_t>(options.attempts) : 1;
  if (a.count >= limit && chunks.front().request) {
    refuse_suspect(*s);
    return suspect_job();
  }
  if (a.count >= limit) {
    s->poison = a.length == 1;
    if (s->poison) return std::nullopt;
    a.length = a.length == whole_unit ? first_shrunk : a.length / shrink;
    a.count = 0;
  }
  if (writer_jobs > 0) return std::nullopt;
  ++a.count;
  counting_suspect = true;
  auto run = [w = writer, key = source_attempts + chunks.front().source, a]() -> status {
    return w->count_attempt(key, a);
  };
  return make_job(job_kind::commit, {}, std::move(run), [this, s](status counted) {
    if (!counted) return passes(counted.error().code) ? wait_for_log(counted.error()) : fail_shard(counted.error());
    counting_suspect = false;
    s->counted = true;
  });
}

// A request stands or falls as a whole, and its client still has the records.
void shard::impl::refuse_suspect(suspect_source& s) {
  auto c = take_front_chunk();
  s.trying = {};
  if (!c.accepted) return;
  c.accepted(with_hint(fail(errc::rejected, "ingest failed {} times on a request at this place, last: {}",
                            options.attempts, ingest_problem.empty() ? "the process ended" : ingest_problem),
                       "send the records one by one to find the one that it cannot stand; nothing of this request was "
                       "taken"));
}

// The first chunk as a unit of its own, or nothing while it has to wait.
void shard::impl::take_suspect(ingest_work& work, suspect_source& s) {
  if ((!s.counted && !s.poison) || has_ready(ingest_pipeline)) return;
  auto c = take_front_chunk();
  const auto left = intake->untaken(*intake->find_source(c.source), c.chunk, s.begun);
  auto& take = work.take;
  take.goes_on = s.begun;
  if (s.trying.length != whole_unit) take.records = s.trying.length;
  if (s.poison)
    take.poison = fmt::format("poison: ingest failed on it {} times, last: {}", options.attempts,
                              ingest_problem.empty() ? "the process ended" : ingest_problem);
  if (take.records < left) work.kept = offered_chunk{c.source, c.session, c.chunk, {}, {}, {}};
  suspect_epoch = intake->open_epoch();
  work.suspect = c.source;
  work.cut = true;
  hand_to_job(work, std::move(c));
}

// The unit was taken: its source goes on behind it when its epoch is committed.
void shard::impl::suspect_taken(ingest_work& work, const status& taken) {
  auto& s = suspects[work.suspect];
  s.unit_length = s.poison ? whole_unit : s.trying.length;
  s.counted = s.poison = false;
  s.trying = {};
  s.begun = work.kept && taken;
  if (!s.begun) {
    --s.chunks_left;
    return;
  }
  auto& answer = work.answers.front();
  work.kept->accepted = std::exchange(answer.accepted, {});
  work.kept->committed = std::exchange(answer.committed, {});
  chunk_bytes += work.kept->chunk.records.byte_count();
  chunks.push_front(std::move(*work.kept));
}

// After a start, units that may have ended the process wait: others pass theirs meanwhile. Then one at a time, the less
// suspect ones sooner: an innocent one has an attempt that is not its own, and no more.
bool shard::impl::may_try(const attempt& a, bool counted, std::string_view pipeline) {
  const bool more_suspect = a.count > 1 || (a.length != whole_unit && !counted);
  if (!counted && (a.count > 0 || more_suspect) && now_us < suspects_from_us) return false;
  if (!counted && more_suspect && suspects_from_us > 0 && now_us < suspects_from_us + suspect_wait_us) {
    waits_for_turn = true;
    return false;
  }
  const auto attempts_before = counted ? a.count - 1 : a.count;
  if (turn->ask(options.shard, pipeline, attempts_before > 0 || a.length != whole_unit)) return true;
  waits_for_turn = true;
  return false;
}

}  // namespace weir

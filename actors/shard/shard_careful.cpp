// Careful mode: how a pipeline gets past a record that fails it (PROTOCOL 9). Units are read from the log, each attempt
// is counted in the log before it is made, so that even a crash of the process is counted. A whole unit is what a job
// reads; after `attempts` failures a unit shrinks, down to one record; that record becomes a dead letter.
#include <algorithm>

#include "actors/shard/shard_impl.hpp"
#include "runtime/fault/protocol_rules.hpp"

namespace weir {

namespace {

constexpr std::int64_t retry_us = 1'000;
constexpr std::uint64_t first_shrunk = 8'192, shrink = 8;

}  // namespace

void shard::impl::enter_careful(pipeline_run& p, bool after_failure) {
  if (!rule_on(9)) return;
  p.careful = true;
  p.counted = false;
  p.queue.clear();
  p.queue_bytes = 0;
  // What a failed task had taken from memory may not be committed yet: at least one record more.
  for (const auto& [stream, next] : committed_numbers) {
    auto& until = p.careful_until[stream];
    until = std::max(until, next + (after_failure ? 1 : 0));
  }
}

void shard::impl::clamp_careful(pipeline_run& p) {
  for (const auto& input : p.work->inputs())
    if (auto it = p.careful_until.find(input.name); input.kind == input_kind::stream && it != p.careful_until.end())
      it->second = std::min(it->second, input.position + options.in_flight_records);
}

// What the process died of may never have been committed. It comes again from its source, and must be committed before
// a task sees it: only then can its attempts be counted.
void shard::impl::after_unclean_exit() {
  if (!rule_on(9)) return;
  careful_intake = true;
  for (auto& [name, p] : pipelines) enter_careful(p, false);
  for (const auto& [stream, next] : committed_numbers) memory_from[stream] = next + options.in_flight_records;
}

bool shard::impl::has_work(const pipeline_run& p, const task_input& input) const {
  if (now_us < p.retry_at_us) return false;
  if (input.kind != input_kind::stream) {
    const auto end = p.known_end.find(input.topic);
    return end != p.known_end.end() && static_cast<std::int64_t>(input.position) < end->second;
  }
  const auto next = committed_numbers.find(input.name);
  return next != committed_numbers.end() && input.position < next->second;
}

// The input to go on with: the one that was being tried, so that its attempts count up, else the first with work.
task_input* shard::impl::next_unit(pipeline_run& p) {
  task_input* first = nullptr;
  for (const auto& known : p.work->inputs()) {
    if (!has_work(p, known)) continue;
    auto* input = p.work->find_input(known.kind, known.name);
    if (p.trying.stream == input->topic && p.trying.position == input->position) return input;
    if (first == nullptr) first = input;
  }
  return first;
}

std::optional<shard_job> shard::impl::careful_job(pipeline_run& p) {
  if (p.in_flight || has_ready(p.plan.record.name)) return std::nullopt;
  const bool passed = std::ranges::none_of(p.work->inputs(), [&](const task_input& i) {
    const auto until = p.careful_until.find(i.name);
    return i.kind == input_kind::stream && until != p.careful_until.end() && i.position < until->second;
  });
  auto* input = passed ? nullptr : next_unit(p);
  if (input == nullptr && !p.counted) turn->leave(options.shard, p.plan.record.name);
  if (passed) {
    p.careful = false;
    p.unit_length = whole_unit;
    return task_job(p);
  }
  if (input == nullptr) return std::nullopt;
  if (p.trying.stream != input->topic || p.trying.position != input->position) {
    p.trying = {input->topic, input->position, input->kind == input_kind::stream ? p.unit_length : whole_unit, 0};
    p.counted = false;
  }
  if (!may_try(p.trying, p.counted, p.plan.record.name)) return std::nullopt;
  if (input->kind == input_kind::stream) use_hint(*input);
  if (p.counted) return unit_job(p, *input, false);
  const auto limit = p.trying.length == whole_unit ? static_cast<std::uint64_t>(options.attempts) : 1;
  if (p.trying.count >= limit) {
    if (input->kind != input_kind::stream) {
      quarantine(p, p.problem);
      return std::nullopt;
    }
    if (p.trying.length == 1) return unit_job(p, *input, true);
    p.trying.length =
        p.trying.length == whole_unit ? first_shrunk : std::max<std::uint64_t>(1, p.trying.length / shrink);
    p.trying.count = 0;
  }
  if (writer_jobs > 0) return std::nullopt;
  ++p.trying.count;
  return count_job(p);
}

shard_job shard::impl::count_job(pipeline_run& p) {
  p.job_out = true;
  auto run = [w = writer, name = p.plan.record.name, a = p.trying]() -> status { return w->count_attempt(name, a); };
  return make_job(job_kind::commit, p.plan.record.name, std::move(run), [this, name = p.plan.record.name](status s) {
    const auto it = pipelines.find(name);
    if (!s) return passes(s.error().code) ? wait_for_log(s.error()) : fail_shard(s.error());
    if (it == pipelines.end()) return;
    it->second.job_out = false;
    it->second.counted = true;
  });
}

shard_job shard::impl::unit_job(pipeline_run& p, task_input& input, bool skip) {
  p.job_out = true;
  const auto length = p.trying.length == whole_unit ? ~std::uint64_t{0} : p.trying.length;
  const auto reason = fmt::format("poison: pipeline {} failed on it {} times, last: {}", p.plan.record.name,
                                  options.attempts, p.problem.message.empty() ? "the process ended" : p.problem.text());
  auto run = [this, t = p.work, in = &input, length, skip, reason, now = now_us]() -> result<std::optional<epoch>> {
    WEIR_TRY(read, skip ? t->skip_poison(*in, log, reason, now) : t->read_on(*in, log, options.job_bytes, length));
    if (read == 0) return std::nullopt;  // not visible yet
    WEIR_TRY(e, t->cut());
    return e;
  };
  return make_job(job_kind::task, p.plan.record.name, std::move(run),
                  [this, name = p.plan.record.name, incarnation = p.incarnation, skip](result<std::optional<epoch>> e) {
                    const auto it = pipelines.find(name);
                    if (it == pipelines.end() || (rule_on(3) && it->second.incarnation != incarnation)) return;
                    auto& of = it->second;
                    of.job_out = false;
                    if (rule_on(3) && of.at != pipeline_run::phase::running) return;
                    if (e && !*e) {
                      of.retry_at_us = now_us + retry_us;
                      return;
                    }
                    of.counted = false;
                    if (!e) return fail_pipeline(of, e.error());
                    of.unit_length = skip ? whole_unit : of.trying.length;
                    of.trying = {};
                    accept_epoch(of, std::move(**e));
                  });
}

}  // namespace weir

#include "actors/source_trial.hpp"

#include "actors/node_descriptions.hpp"
#include "actors/record_json.hpp"
#include "actors/shard/ingest.hpp"
#include "cluster/topic_sources.hpp"

namespace weir {

namespace {

using namespace std::chrono_literals;
using json = nlohmann::json;
using self_ptr = source_trial_actor::stateful_pointer<source_trial_state>;

constexpr auto pull_again = 100ms;
constexpr std::size_t entry_bytes = std::size_t{1} << 20, pull_bytes = std::size_t{1} << 20, shown_bytes = 1'000;

// A control plan in which this source is the only one.
control_plan plan_of(const trial_request& r) {
  control_plan out;
  out.names.streams = r.plan->names.streams;
  source_record record;
  record.name = r.spec.name;
  record.stream = r.spec.stream;
  record.connector = r.spec.connector;
  record.incarnation = 1;
  record.options.emplace(partition_option, "0");  // a whole topic is tried as one partition
  out.state.sources.emplace(record.name, std::move(record));
  return out;
}

}  // namespace

// Used by one pool job at a time, then by the actor.
class source_trial {
 public:
  explicit source_trial(trial_request r)
      : request(std::move(r)), began_us_(wall_clock_us()), intake_("trial", 0, entry_bytes, {}) {
    static_cast<void>(intake_.apply(plan_of(request), 1, began_us_));
    static_cast<void>(intake_.cut());
  }

  // On the pool.
  void pull() {
    try {
      problem = pull_once();
    } catch (const std::exception& e) {
      problem = fail(errc::internal, "the connector threw: {}", e.what());
    }
  }
  bool is_over() const {
    const auto waited_us = wall_clock_us() - began_us_;
    return !problem || ended_ || seen_ >= request.records || waited_us >= request.patience.count() * 1'000;
  }
  json shown() const {
    json out = rows_;
    out["stream"] = request.spec.stream;
    out["connector"] = request.spec.connector;
    out["records"] = seen_;
    out["dead"] = dead_;
    out["ended"] = ended_;
    out["progress"] = progress_.empty() ? json() : json(progress_);
    out["took_ms"] = (wall_clock_us() - began_us_) / 1'000;
    return out;
  }

  trial_request request;
  status problem;

 private:
  status pull_once() {
    if (!from_) {
      WEIR_TRY(made, make_connector(request.spec, request.context));
      WEIR_TRY_VOID(made->open({}));
      from_ = std::move(made);
    }
    pull_limits limits;
    limits.max_records = request.records - std::min(seen_, request.records - 1);
    limits.max_bytes = pull_bytes;
    WEIR_TRY(chunk, from_->pull(limits));
    ended_ = chunk.ended;
    progress_ = chunk.progress;
    seen_ += chunk.records.size() + chunk.failures.size();
    WEIR_TRY(batches, intake_.accept(request.spec.name, 1, std::move(chunk), wall_clock_us()));
    for (const auto& b : batches) add_rows(b->rows.rows);
    add_dead(intake_.cut());
    return {};
  }

  void add_rows(const record_batch& rows) {
    auto more = rows_json(rows, request.records);
    if (rows_.is_null()) {
      rows_ = std::move(more);
      return;
    }
    for (auto& row : more["rows"]) rows_["rows"].push_back(std::move(row));
  }

  // Ingest writes nothing but entries of the stream, which are shown as rows, and dead letters.
  void add_dead(const epoch& e) {
    for (const auto& a : e.appends) {
      const auto header = json::parse(a.header, nullptr, false);
      if (!header.is_object() || dead_.size() >= request.records) continue;
      json letter{{"reason", header.value("reason", "")}};
      if (a.value) add_record(letter, std::string_view(*a.value).substr(0, shown_bytes));
      dead_.push_back(std::move(letter));
    }
  }

  std::int64_t began_us_;
  ingest intake_;
  std::unique_ptr<connector> from_;
  json rows_, dead_ = json::array();
  std::string progress_;
  std::size_t seen_ = 0;
  bool ended_ = false;
};

namespace {

void pull(self_ptr self) {
  const auto me = caf::actor_cast<source_trial_actor>(self);
  self->state.trial->request.in->run_on_pool(
      {[trial = self->state.trial] { trial->pull(); }, [me] { caf::anon_send(me, taken_atom::value); },
       [me] {
         caf::anon_send(me, refused_atom::value,
                        std::string("the connector did not come back; its thread was given up"));
       }});
}

void answer(self_ptr self, result<json> a) {
  if (auto& done = self->state.trial->request.done) std::exchange(done, {})(std::move(a));
  self->quit();
}

}  // namespace

source_trial_actor::behavior_type source_trial_behavior(self_ptr self, trial_request request) {
  self->state.trial = std::make_shared<source_trial>(std::move(request));
  pull(self);
  return {
      [self](timer_atom) { pull(self); },
      [self](taken_atom) {
        const auto& t = *self->state.trial;
        if (!t.problem) return answer(self, fail(t.problem.error()));
        if (t.is_over()) return answer(self, t.shown());
        self->delayed_send(self, pull_again, timer_atom::value);
      },
      [self](refused_atom, const std::string& why) { answer(self, fail(errc::timeout, "{}", why)); },
  };
}

}  // namespace weir

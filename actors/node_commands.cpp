// The part of node_service that changes things: commands on the control log, and records sent again.
#include <algorithm>

#include "actors/dead_letters.hpp"
#include "actors/node_descriptions.hpp"
#include "actors/node_service.hpp"
#include "actors/retry_sender.hpp"
#include "actors/settlement.hpp"
#include "actors/source_trial.hpp"
#include "actors/view_topics.hpp"
#include "cluster/topic_names.hpp"
#include "runtime/sql/sql.hpp"

namespace weir {

namespace {

std::vector<source_record> records_of(const std::vector<source_request>& sources) {
  std::vector<source_record> out;
  for (const auto& s : sources) {
    source_record r;
    r.name = s.name;
    r.stream = s.stream;
    r.connector = s.connector;
    r.options = s.options;
    out.push_back(std::move(r));
  }
  return out;
}

bool is_own_source(const control_plan& plan, std::string_view name) {
  const auto it = plan.state.sources.find(name);
  return it != plan.state.sources.end() && it->second.connector == retry_connector;
}

// Rows of a dropped pipeline's views must not become those of a new one of the same names.
status check_nothing_left(node& n, const control_plan& plan, const pipeline_request& request,
                          const control_limits& most) {
  WEIR_TRY(statements, plan_script(request.sql, names_of_others(plan, request.name), most.sql));
  WEIR_TRY(topics, n.log().topics());
  const auto& app = n.settings().node.app;
  for (const auto& one : statements) {
    const auto* view = std::get_if<view_plan>(&one);
    if (view == nullptr || plan.names.views.contains(view->name)) continue;
    for (const auto& name :
         {topic::view(app, view->name), topic::late(app, view->name), topic::refused(app, view->name)})
      if (std::ranges::any_of(topics, [&](const topic_config& t) { return t.name == name; }))
        return with_hint(fail(errc::unavailable, "a dropped view {} is still being removed", view->name),
                         "apply again in a moment");
  }
  return {};
}

struct topic_wait {
  node* in;
  std::vector<std::string> topics;
  std::function<void()> done;
  std::chrono::steady_clock::time_point since = std::chrono::steady_clock::now();
};

constexpr std::chrono::milliseconds look_again{20}, wait_at_most{10'000};

bool are_gone(node& n, const std::vector<std::string>& names) {
  const auto topics = n.log().topics();
  return topics &&
         std::ranges::none_of(*topics, [&](const topic_config& t) { return std::ranges::count(names, t.name) > 0; });
}

// Lifecycle: ends when the topics are gone, the node stops, or its patience is over; answers in every case.
caf::behavior wait_until_gone(caf::event_based_actor* self, topic_wait wait) {
  self->send(self, timer_atom::value);
  return {[self, wait = std::move(wait)](timer_atom) {
    const bool stops = wait.in->owns_shards() && !wait.in->shard_of({});
    const bool patient = self->clock().now() - wait.since < wait_at_most;
    if (!stops && patient && !are_gone(*wait.in, wait.topics)) {
      self->delayed_send(self, look_again, timer_atom::value);
      return;
    }
    wait.done();
    self->quit();
  }};
}

// Ingest would only make another dead letter of it.
status check_record(const stream_definition& stream, const source_chunk& chunk, std::string_view id) {
  auto format = stream.format;
  if (!chunk.format.empty() && chunk.format != format.name) format = {chunk.format, {}};
  if (format.name == "csv" && chunk.context.empty())
    return with_hint(
        fail(errc::unsupported, "the header line that dead letter {} of stream {} was read with is not known", id,
             stream.name),
        "write the corrected line, with its header, into a file and add it as a source");
  WEIR_TRY(decoder, make_record_decoder(format, stream.columns, chunk.context, true));
  batch_builder rows(stream.columns);
  std::vector<std::uint32_t> decoded;
  std::vector<decode_failure> failures;
  decoder->decode(chunk.records, 0, chunk.records.size(), rows, decoded, failures);
  if (failures.empty()) return {};
  return with_hint(fail(errc::invalid_argument, "the record cannot be read: {}", failures.front().reason),
                   "give the corrected record: weir dead-letter retry STREAM ID --record ...");
}

}  // namespace

control_limits node_service::limits() const { return control_limits_of(node_.settings()); }

void node_service::run(check what, json answer, reply done) {
  node_.command(std::move(what), [answer = std::move(answer), done = std::move(done)](status applied) {
    if (applied)
      done(answer);
    else
      done(fail(std::move(applied).error()));
  });
}

void node_service::add_sources(std::vector<source_request> sources, reply done) {
  auto records = records_of(sources);
  const auto early = weir::add_sources(*node_.plan(), records, limits());
  if (!early) return done(fail(early.error()));
  json names = json::array();
  for (const auto& s : sources) {
    if (auto good = check_source({s.name, s.stream, s.connector, s.options}, node_.context_of(s.stream)); !good)
      return done(fail(std::move(good).error()));
    names.push_back(s.name);
  }
  run([records = std::move(records),
       most = limits()](const control_plan& plan) { return weir::add_sources(plan, records, most); },
      {{"added", std::move(names)}}, std::move(done));
}

void node_service::post_records(posted_records records, reply done) {
  if (auto here = node_.may_serve(); !here) return done(fail(std::move(here).error()));
  desk_.take(std::move(records), limits(), std::move(done));
}

void node_service::test_source(source_request source, reply done) {
  const auto plan = node_.plan();
  trial_request trial;
  trial.spec = {source.name.empty() ? "test" : source.name, source.stream, source.connector, source.options};
  if (source.connector.empty()) {
    const auto known = plan->state.sources.find(source.name);
    if (known == plan->state.sources.end())
      return done(with_hint(fail(errc::not_found, "there is no source '{}'", source.name),
                            "name one that is there, or describe one with stream, connector and options"));
    trial.spec = {known->first, known->second.stream, known->second.connector, known->second.options};
  }
  if (!plan->names.streams.contains(trial.spec.stream))
    return done(fail(errc::not_found, "there is no stream '{}'", trial.spec.stream));
  trial.context = node_.context_of(trial.spec.stream);
  trial.context.trial = true;
  if (auto good = check_source(trial.spec, trial.context); !good) return done(fail(std::move(good).error()));
  const auto& most = node_.settings().sources;
  if (++*trials_ > most.tests) {
    --*trials_;
    return done(with_hint(
        fail(errc::limit_exceeded, "as many sources are tried already as sources.tests allows: {}", most.tests),
        "try again in a moment"));
  }
  trial.plan = plan;
  trial.patience = std::chrono::milliseconds(most.test_timeout_us / 1'000);
  trial.in = &node_;
  // Given back with the last who could answer, also when nobody does.
  const std::shared_ptr<void> place(nullptr, [trials = trials_](void*) { --*trials; });
  trial.done = [done = std::move(done), place](result<json> shown) { done(std::move(shown)); };
  node_.system().spawn(source_trial_behavior, std::move(trial));
}

void node_service::set_source_paused(std::string name, bool paused, reply done) {
  const json answer{{"name", name}, {"state", paused ? "paused" : "running"}};
  run(
      [name = std::move(name), paused](const control_plan& plan) -> result<std::vector<control_record>> {
        if (is_own_source(plan, name))
          return fail(errc::invalid_argument,
                      "source {} belongs to the node: it only speaks when a dead letter is sent again", name);
        return set_source_state(plan, name, paused ? run_state::paused : run_state::running);
      },
      answer, std::move(done));
}

void node_service::remove_source(std::string name, reply done) {
  const json answer{{"removed", name}};
  run([name = std::move(name)](const control_plan& plan) { return weir::remove_source(plan, name); }, answer,
      std::move(done));
}

namespace {

// Waits for a registry, so it has a thread of its own for as long as it takes.
void ask_outside(caf::event_based_actor*, const std::function<void()>& ask) { ask(); }

result<std::vector<control_record>> pipeline_records(node& n, const control_plan& plan, const pipeline_request& request,
                                                     const wanted_settlement& wanted, const settled_options& settled) {
  const auto most = control_limits_of(n.settings());
  const auto& [pipeline, sql, replace, from_beginning] = request;
  WEIR_TRY(known, apply_pipeline(plan, pipeline, sql, replace, from_beginning, most));
  if (known.empty()) return known;
  WEIR_TRY_VOID(check_nothing_left(n, plan, request, most));
  WEIR_TRY_VOID(make_view_topics(n.log(), n.settings(), plan, pipeline, sql));
  WEIR_TRY(all, settled_for(n.settings(), plan, pipeline, sql, wanted, settled));
  return apply_pipeline(plan, pipeline, sql, replace, from_beginning, most, all);
}

void write_pipeline(node& n, pipeline_request request, wanted_settlement wanted, settled_options settled,
                    std::function<void(result<nlohmann::json>)> done) {
  const auto name = request.name;
  n.command([&n, request = std::move(request), wanted = std::move(wanted), settled = std::move(settled)](
                const control_plan& plan) { return pipeline_records(n, plan, request, wanted, settled); },
            [&n, name, done = std::move(done)](status applied) {
              if (!applied) return done(fail(std::move(applied).error()));
              const auto plan = n.plan();
              auto views = nlohmann::json::array();
              if (const auto it = plan->pipelines.find(name); it != plan->pipelines.end())
                for (const auto& v : it->second.views) views.push_back(v.name);
              done(nlohmann::json{{"name", name}, {"views", std::move(views)}});
            });
}

}  // namespace

// What waits outlives this service, not the node.
void node_service::apply_pipeline(pipeline_request request, reply done) {
  const auto plan = node_.plan();
  const auto& [name, sql, replace, from_beginning] = request;
  const auto known = weir::apply_pipeline(*plan, name, sql, replace, from_beginning, limits());
  if (!known) return done(fail(known.error()));
  auto wanted = known->empty() ? wanted_settlement() : wanted_by(node_.settings(), *plan, name, sql);
  if (!wanted) return done(fail(std::move(wanted).error()));
  if (wanted->empty()) return write_pipeline(node_, std::move(request), {}, {}, std::move(done));
  node_.system().spawn<caf::detached>(ask_outside, [&n = node_, request = std::move(request),
                                                    wanted = std::move(*wanted), done = std::move(done)]() mutable {
    auto settled = settle_all(n.settings(), n.registry(), wanted);
    if (!settled) return done(fail(std::move(settled).error()));
    write_pipeline(n, std::move(request), std::move(wanted), std::move(*settled), std::move(done));
  });
}

// Answered when the views' topics are gone too, so that the same names can be used again at once.
void node_service::drop_pipeline(std::string name, reply done) {
  const json answer{{"dropped", name}};
  auto topics = std::make_shared<std::vector<std::string>>();
  run(
      [name = std::move(name), topics, app = node_.settings().node.app](const control_plan& plan) {
        if (const auto it = plan.pipelines.find(name); it != plan.pipelines.end())
          for (const auto& v : it->second.views) topics->push_back(topic::view(app, v.name));
        return weir::drop_pipeline(plan, name);
      },
      answer,
      [&n = node_, topics, done = std::move(done)](result<json> dropped) {
        if (!dropped || topics->empty()) return done(std::move(dropped));
        n.system().spawn(wait_until_gone, topic_wait{&n, *topics, [done, answered = *dropped] { done(answered); }});
      });
}

void node_service::resume_pipeline(std::string name, reply done) {
  const json answer{{"name", name}, {"state", "restarting"}};
  run([name = std::move(name)](
          const control_plan& plan) { return set_pipeline_state(plan, name, run_state::running, {}); },
      answer, std::move(done));
}

void node_service::retry_dead_letter(std::string name, std::string id, std::optional<std::string> record, reply done) {
  if (auto here = node_.may_serve(); !here) return done(fail(std::move(here).error()));
  const auto plan = node_.plan();
  if (const auto view = plan->names.views.find(name); view != plan->names.views.end())
    return done(
        with_hint(fail(errc::unsupported,
                       "what view {} refused stands in its input {} already; sent again it would count twice there",
                       name, view->second.input),
                  "mend the view's SQL, drop its pipeline and apply it again"));
  const auto stream = plan->names.streams.find(name);
  if (stream == plan->names.streams.end()) return done(fail(errc::not_found, "there is no stream {}", name));
  auto letter = read_dead_letter(node_.log(), topic::dead(node_.settings().node.app, name), shards(), id);
  if (!letter) return done(fail(std::move(letter).error()));
  retry_request request;
  request.source = retry_source_name(name);
  request.chunk.records.append(record ? *record : letter->record);
  request.chunk.format = letter->format;
  request.chunk.context = letter->context;
  request.chunk.ended = true;
  request.shard = [&n = node_, source = request.source] { return n.shard_of(source); };
  if (auto good = check_record(stream->second, request.chunk, id); !good) return done(fail(std::move(good).error()));
  const json answer{{"id", id}, {"source", request.source}};
  request.done = [answer, done](status sent) { sent ? done(answer) : done(fail(std::move(sent).error())); };
  node_.command([name, most = limits()](const control_plan& now) { return add_retry_source(now, name, most); },
                [&n = node_, request = std::move(request), done](status added) mutable {
                  if (!added) return done(fail(std::move(added).error()));
                  n.system().spawn(retry_sender, std::move(request));
                });
}

}  // namespace weir

#include <spdlog/spdlog.h>

#include "actors/node_inside.hpp"
#include "cluster/topic_names.hpp"

namespace weir {

actor_config::actor_config() {
  add_message_types<caf::id_block::weir>();
  // Measured: sharing costs a fraction of stealing's idle CPU and wakes faster; a limit keeps one actor from starving
  // the others.
  set("scheduler.policy", caf::atom("sharing"));
  set("scheduler.max-threads", std::size_t{2});
  set("scheduler.max-throughput", std::size_t{200});
}

void node::actors::release() {
  std::lock_guard lock(mutex);
  control = control_actor{};
  shards.assign(shards.size(), shard_actor{});
  root = supervisor_actor{};
  sources = supervisor_actor{};
}

shard_actor node::events::at(int shard) {
  std::lock_guard lock(node_.actors_->mutex);
  return node_.actors_->shards[static_cast<std::size_t>(shard)];
}

void node::events::shard_running(int shard) {
  spdlog::info("shard running shard={}", shard);
  std::lock_guard lock(node_.actors_->mutex);
  node_.actors_->snapshots[static_cast<std::size_t>(shard)].health.running = true;
  for (const auto& [name, address] : node_.actors_->source_actors)
    if (shard_of_source(name, static_cast<int>(node_.config_.node.shards)) == shard)
      if (const auto to = caf::actor_cast<caf::actor>(address)) caf::anon_send(to, refused_atom::value, std::string());
}

void node::events::shard_failed(int shard, const error& why) {
  spdlog::error("shard failed shard={} code={} error=\"{}\"", shard, to_string(why.code), why.text());
  const auto i = static_cast<std::size_t>(shard);
  node_.actors_->cells[i]->failure = why;
  {
    std::lock_guard lock(node_.actors_->mutex);
    auto& health = node_.actors_->snapshots[i].health;
    health.running = false;
    ++health.failures;
    health.last_error = why.text();
  }
  std::lock_guard lock(clocks_mutex_);
  for (auto& [name, clock] : clocks_) clock.forget(shard);
}

void node::events::shard_held(int shard, const error& why, bool opens_again) {
  spdlog::warn("shard held shard={} error=\"{}\"", shard, why.text());
  if (!opens_again) return;
  std::lock_guard lock(clocks_mutex_);
  for (auto& [name, clock] : clocks_) clock.forget(shard);
}

void node::events::pipeline_restarted(int shard, std::string_view pipeline, const error& why) {
  spdlog::warn("pipeline restarts shard={} pipeline={} error=\"{}\"", shard, pipeline, why.text());
}

void node::events::pipeline_quarantined(int shard, std::string_view pipeline, const error& why) {
  spdlog::error("pipeline quarantined shard={} pipeline={} error=\"{}\"", shard, pipeline, why.text());
  node_.command([name = std::string(pipeline), text = fmt::format("shard {}: {}", shard, why.text())](
                    const control_plan& plan) { return set_pipeline_state(plan, name, run_state::quarantined, text); },
                [](status) {});
}

void node::events::topic_committed(int, std::string_view topic, int partition, std::int64_t end, bool rows) {
  node_.hub_.committed(topic, partition, end, rows);
  if (const auto to = at(partition)) caf::anon_send(to, grown_atom::value, std::string(topic), end);
}

void node::events::clock_changed(int shard, std::string_view stream, const shard_clock& clock) {
  std::vector<clock_advice> advices;
  {
    std::lock_guard lock(clocks_mutex_);
    auto it = clocks_.find(stream);
    if (it == clocks_.end()) {
      const auto shards = static_cast<int>(node_.config_.node.shards);
      it = clocks_.emplace(std::string(stream), stream_clock(shards)).first;
    }
    it->second.report(shard, clock);
    advices = it->second.advise();
  }
  for (const auto& advice : advices)
    if (const auto to = at(advice.shard))
      caf::anon_send(to, advise_atom::value, std::string(stream), std::make_shared<const clock_advice>(advice));
}

void node::events::forget_clocks() {
  std::lock_guard lock(clocks_mutex_);
  clocks_.clear();
}

bool is_orphan(std::string_view name, std::string_view app, const control_plan& plan) {
  for (const auto& [pipeline, planned] : plan.pipelines)
    if (planned.views.empty() && planned.record.state == run_state::quarantined) return false;
  const auto after = [&](const std::string& prefix) -> std::optional<std::string_view> {
    return name.starts_with(prefix) ? std::optional(name.substr(prefix.size())) : std::nullopt;
  };
  for (const auto& prefix : {topic::view(app, ""), topic::late(app, ""), topic::refused(app, "")})
    if (const auto view = after(prefix)) return !plan.names.views.contains(*view);
  const auto shuffle = after(std::string(app) + ".shuffle.");
  if (!shuffle) return false;
  for (const auto& [pipeline, planned] : plan.pipelines)
    for (const auto& v : planned.views)
      if (name == topic::shuffle(app, pipeline, v.name, planned.record.incarnation)) return false;
  return true;
}

status drop_orphaned_topics(event_log& log, live_hub& hub, std::string_view app, const control_plan& plan) {
  WEIR_TRY(topics, log.topics());
  for (const auto& t : topics) {
    if (!is_orphan(t.name, app, plan)) continue;
    WEIR_TRY_VOID(log.drop_topic(t.name));
    hub.forget_ends(t.name);
  }
  return {};
}

}  // namespace weir

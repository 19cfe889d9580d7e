#include "actors/shard/warm_tasks.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "state/state_key.hpp"

namespace weir {

namespace {

// Reading a large state costs seconds of a core.
constexpr std::chrono::seconds rest_after_failure{30};

// What a task is made of, without what does not concern it (sources, nodes, whether it runs).
control_state work_of(const control_state& s) {
  control_state out;
  out.deployment = s.deployment;
  out.streams = s.streams;
  out.pipelines = s.pipelines;
  for (auto& [name, p] : out.pipelines) {
    p.state = run_state::running;
    p.error.clear();
  }
  return out;
}

template <class Work>
auto without_exceptions(Work work) -> decltype(work()) {
  try {
    return work();
  } catch (const std::exception& e) {
    return fail(errc::thrown, "{}", e.what());
  }
}

}  // namespace

warm_tasks::warm_tasks(task_options options, state_store& store) : options_(std::move(options)), store_(store) {}

void warm_tasks::clear() {
  tasks_.clear();
  not_before_.clear();
}

void warm_tasks::give_up(const std::string& prefix, const error& why) {
  tasks_.erase(prefix);
  if (why.code == errc::cancelled) return;
  not_before_[prefix] = clock::now() + rest_after_failure;
  spdlog::warn("a pipeline's state is not kept in memory for now shard={} pipeline={} error=\"{}\"", options_.shard,
               prefix.substr(0, prefix.find('\0')), why.text());
}

void warm_tasks::follow(std::vector<log_entry> entries) {
  if (entries.empty() || tasks_.empty()) return;
  next_ = entries.back().offset + 1;
  for (auto& e : entries) {
    // Prefixes are of different length and none begins with another: a pipeline's name has no zero byte.
    auto it = tasks_.upper_bound(e.key);
    if (it == tasks_.begin()) continue;
    const auto& prefix = (--it)->first;
    if (!e.key.starts_with(prefix)) continue;
    auto& of = it->second;
    const bool ends_epoch = std::string_view(e.key).substr(prefix.size()) == std::string_view(&state_of_task, 1);
    if (ends_epoch && !e.value) {  // dropped, or replaced
      tasks_.erase(it);
      continue;
    }
    of.pending.push_back({std::move(e.key), std::move(e.value)});
    if (!ends_epoch) continue;
    auto done = without_exceptions([&] { return of.work->follow(std::exchange(of.pending, {})); });
    if (!done) give_up(std::string(prefix), done.error());
  }
}

void warm_tasks::drop_strangers(const control_plan& plan) {
  if (plan.state.offset == seen_) return;
  seen_ = plan.state.offset;
  if (const auto wanted = work_of(plan.state); wanted != made_for_) {
    clear();
    made_for_ = wanted;
  }
  std::erase_if(tasks_, [&](const auto& one) {
    const auto it = plan.pipelines.find(one.first.substr(0, one.first.find('\0')));
    return it == plan.pipelines.end() || it->second.record.state != run_state::running;
  });
}

bool warm_tasks::may_make(const planned_pipeline& planned, const std::string& prefix) const {
  if (planned.record.state != run_state::running || tasks_.contains(prefix)) return false;
  const auto rest = not_before_.find(prefix);
  return rest == not_before_.end() || clock::now() >= rest->second;
}

bool warm_tasks::lacks(const control_plan& plan) const {
  if (plan.state.offset != seen_) return true;
  return std::ranges::any_of(plan.pipelines, [&](const auto& one) {
    return may_make(one.second, state_prefix(one.first, one.second.record.incarnation));
  });
}

void warm_tasks::make(const control_plan& plan, const std::function<bool()>& ends) {
  drop_strangers(plan);
  const auto stamp = store_.changelog_stamp(options_.shard);
  if (!stamp) return clear();
  if (*stamp != next_ && !tasks_.empty()) clear();
  next_ = *stamp;
  for (const auto& [name, planned] : plan.pipelines) {
    const auto prefix = state_prefix(name, planned.record.incarnation);
    if (!may_make(planned, prefix)) continue;
    auto work = std::make_shared<task>(options_, planned, plan.names);
    const auto known = without_exceptions([&] { return work->load(store_, ends); });
    if (!known) give_up(prefix, known.error());
    if (known && *known) tasks_[prefix].work = std::move(work);
  }
}

task_map warm_tasks::take(const control_plan& plan) {
  drop_strangers(plan);
  task_map out;
  const auto stamp = store_.changelog_stamp(options_.shard);
  for (auto& [prefix, of] : tasks_)
    if (stamp && *stamp == next_ && of.pending.empty()) out.emplace(prefix, std::move(of.work));
  clear();
  return out;
}

}  // namespace weir

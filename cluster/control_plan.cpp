#include <fmt/ranges.h>

#include <algorithm>

#include "cluster/control_state.hpp"
#include "runtime/sql/sql.hpp"
#include "runtime/sql/view_topic.hpp"

namespace weir {
namespace {

void plan_streams(const control_state& state, catalog& names) {
  for (const auto& [name, record] : state.streams) {
    const auto planned = plan_script(record.sql, {});
    if (!planned || planned->size() != 1) continue;  // its pipeline holds the same statement and tells why
    if (const auto* s = std::get_if<stream_definition>(&planned->front()); s && s->name == name) {
      auto& known = names.streams.emplace(name, *s).first->second;
      for (const auto& [option, value] : record.settled) known.format.options[option] = value;
    }
  }
}

// Takes a pipeline's own streams out of the catalog while its file is planned: the file declares them again.
class own_streams_hidden {
 public:
  own_streams_hidden(const control_state& state, std::string_view pipeline, catalog& names) : names_(names) {
    for (const auto& [name, record] : state.streams) {
      if (record.pipeline == pipeline) hidden_.push_back(names_.streams.extract(name));
    }
  }
  ~own_streams_hidden() {
    for (auto& node : hidden_) {
      if (!node.empty()) names_.streams.insert(std::move(node));
    }
  }
  own_streams_hidden(const own_streams_hidden&) = delete;
  own_streams_hidden& operator=(const own_streams_hidden&) = delete;

 private:
  catalog& names_;
  std::vector<decltype(catalog::streams)::node_type> hidden_;
};

// Adds what the command had found out; a topic whose rows could not be written stops its pipeline here.
status settle(const pipeline_record& record, view_plan& view) {
  if (view.topic.empty()) return {};
  if (const auto it = record.settled.find(view.name); it != record.settled.end())
    for (const auto& [option, value] : it->second) view.topic_format.options[option] = value;
  WEIR_TRY(encoders, make_topic_encoders(view));
  static_cast<void>(encoders);
  return {};
}

result<std::vector<view_plan>> plan_views(const control_state& state, const pipeline_record& record, catalog& names) {
  const own_streams_hidden hidden(state, record.name, names);
  WEIR_TRY(statements, plan_script(record.sql, names));
  std::vector<view_plan> views;
  for (statement& s : statements) {
    auto* view = std::get_if<view_plan>(&s);
    if (view == nullptr) continue;
    WEIR_TRY_VOID(settle(record, *view));
    views.push_back(std::move(*view));
  }
  return views;
}

}  // namespace

// Which pipeline reads which is known only once they are planned, so those that fail are tried again as long as another
// one has succeeded in between.
result<std::shared_ptr<const control_plan>> plan_control(const control_state& state) {
  auto plan = std::make_shared<control_plan>();
  plan->state = state;
  plan_streams(state, plan->names);
  std::map<std::string, error> failed;
  for (const auto& [name, record] : state.pipelines) failed.emplace(name, error{});
  for (bool progress = true; progress;) {
    progress = false;
    for (auto it = failed.begin(); it != failed.end();) {
      const pipeline_record& record = state.pipelines.find(it->first)->second;
      auto views = plan_views(state, record, plan->names);
      if (!views) {
        it->second = std::move(views).error();
        ++it;
        continue;
      }
      for (const view_plan& view : *views) plan->names.views.emplace(view.name, view);
      plan->pipelines.emplace(record.name, planned_pipeline{record, std::move(*views)});
      it = failed.erase(it);
      progress = true;
    }
  }
  for (const auto& [name, why] : failed) {
    planned_pipeline stopped{state.pipelines.find(name)->second, {}};
    stopped.record.state = run_state::quarantined;
    stopped.record.error = why.text();
    plan->pipelines.emplace(name, std::move(stopped));
  }
  return plan;
}

}  // namespace weir

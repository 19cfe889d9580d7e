#include "actors/node_service.hpp"

#include "actors/dead_letters.hpp"
#include "actors/live_view.hpp"
#include "actors/node_descriptions.hpp"
#include "actors/stream_records.hpp"
#include "actors/view_table.hpp"
#include "cluster/topic_names.hpp"
#include "runtime/operators/pull_query.hpp"
#include "runtime/sql/sql.hpp"

namespace weir {

namespace {

using json = nlohmann::json;

// Ends with the node's ownership of the shards: from then on nobody here wakes who follows a view.
class owned_cursor : public live_cursor {
 public:
  owned_cursor(const node& n, std::unique_ptr<live_cursor> rows) : node_(n), rows_(std::move(rows)) {}

  result<live_rows> next(std::size_t max_rows) override {
    if (!node_.owns_shards()) WEIR_TRY_VOID(node_.may_serve());
    return rows_->next(max_rows);
  }
  std::string token() const override { return rows_->token(); }
  std::uint64_t backlog() const override { return rows_->backlog(); }
  std::uint64_t skip_to_end() override { return rows_->skip_to_end(); }
  void on_more(std::function<void()> wake) override { rows_->on_more(std::move(wake)); }

 private:
  const node& node_;
  std::unique_ptr<live_cursor> rows_;
};

}  // namespace

node_service::node_service(node& n, std::string version)
    : node_(n), version_(std::move(version)), metrics_(n), health_(n), desk_(n) {}

json node_service::node_status() { return describe_node(summarize(node_), node_, version_); }

json node_service::list_streams() {
  const auto s = summarize(node_);
  json out = json::array();
  for (const auto& [name, record] : s.plan->state.streams) out.push_back(describe_stream(s, record));
  return out;
}

result<json> node_service::get_stream(std::string_view name) {
  const auto s = summarize(node_);
  const auto it = s.plan->state.streams.find(name);
  if (it == s.plan->state.streams.end()) return fail(errc::not_found, "there is no stream {}", name);
  return describe_stream(s, it->second);
}

result<json> node_service::stream_records(std::string_view name, const page_request& page) {
  const auto plan = node_.plan();
  if (!plan->state.streams.contains(name)) return fail(errc::not_found, "there is no stream {}", name);
  return read_stream_records(node_.log(), topic::stream(node_.settings().node.app, name), shards(), page, most_rows());
}

json node_service::list_sources(const page_request& page) {
  const auto s = summarize(node_);
  const auto& all = s.plan->state.sources;
  json items = json::array();
  auto at = page.after.empty() ? all.begin() : all.upper_bound(page.after);
  for (; at != all.end() && items.size() < page.limit; ++at) items.push_back(describe_source(s, at->second));
  const json next = at == all.end() || items.empty() ? json() : items.back()["name"];
  return {{"items", std::move(items)}, {"next", next}};
}

result<json> node_service::get_source(std::string_view name) {
  const auto s = summarize(node_);
  const auto it = s.plan->state.sources.find(name);
  if (it == s.plan->state.sources.end()) return fail(errc::not_found, "there is no source {}", name);
  return describe_source(s, it->second);
}

json node_service::connector_kinds() { return describe_connectors(); }

json node_service::list_views() {
  const auto s = summarize(node_);
  json out = json::array();
  for (const auto& [name, p] : s.plan->pipelines)
    for (const auto& v : p.views) out.push_back(describe_view(s, v, name, node_.store()));
  return out;
}

result<json> node_service::get_view(std::string_view name) {
  const auto s = summarize(node_);
  for (const auto& [pipeline, p] : s.plan->pipelines)
    for (const auto& v : p.views)
      if (v.name == name) return describe_view(s, v, pipeline, node_.store());
  return fail(errc::not_found, "there is no view {}", name);
}

result<node_service::found_view> node_service::find_view(std::string_view name) const {
  found_view out{node_.plan(), nullptr, nullptr};
  for (const auto& [pipeline, p] : out.plan->pipelines)
    for (const auto& v : p.views)
      if (v.name == name) {
        out.view = &v;
        out.pipeline = &p;
        return out;
      }
  return fail(errc::not_found, "there is no view {}", name);
}

result<json> node_service::view_rows(std::string_view name, const row_query& query) {
  WEIR_TRY_VOID(node_.may_serve());
  WEIR_TRY(found, find_view(name));
  return read_rows(node_.store(), shards(), *found.view, query, most_rows());
}

result<json> node_service::query(std::string_view sql) {
  WEIR_TRY_VOID(node_.may_serve());
  const auto plan = node_.plan();
  const auto& limits_of = node_.settings().limits;
  WEIR_TRY(pull, plan_query(sql, plan->names, limits().sql));
  WEIR_TRY(found, find_view(pull.view));
  WEIR_TRY(rows, read_all(node_.store(), shards(), *found.view, static_cast<std::size_t>(limits_of.view_rows)));
  operator_limits most;
  most.state_bytes = static_cast<std::size_t>(limits_of.view_state_bytes);
  most.groups = static_cast<std::size_t>(limits_of.view_groups);
  most.distinct_values = static_cast<std::size_t>(limits_of.distinct_values);
  WEIR_TRY(answer, run_pull_query(pull, rows, most));
  return rows_json(answer, most_rows());
}

result<std::unique_ptr<live_cursor>> node_service::open_live(std::string_view view, std::string_view token) {
  WEIR_TRY_VOID(node_.may_serve());
  WEIR_TRY(found, find_view(view));
  const auto incarnation = found.pipeline->record.incarnation;
  auto feed = feeds_.of(node_.log(), topic::view(node_.settings().node.app, found.view->name), *found.view, incarnation,
                        shards());
  WEIR_TRY(rows,
           live_view::open({node_.log(), node_.hub(), std::move(feed), shards()}, *found.view, incarnation, token));
  return std::make_unique<owned_cursor>(node_, std::move(rows));
}

json node_service::list_pipelines() {
  const auto s = summarize(node_);
  json out = json::array();
  for (const auto& [name, p] : s.plan->pipelines) out.push_back(describe_pipeline(s, p));
  return out;
}

result<json> node_service::get_pipeline(std::string_view name) {
  const auto s = summarize(node_);
  const auto it = s.plan->pipelines.find(name);
  if (it == s.plan->pipelines.end()) return fail(errc::not_found, "there is no pipeline {}", name);
  return describe_pipeline(s, it->second);
}

json node_service::validate_sql(std::string_view sql) {
  const auto statements = plan_script(sql, node_.plan()->names, limits().sql);
  json errors = json::array(), plan = json::array();
  if (!statements) {
    errors.push_back({{"message", statements.error().message}, {"hint", statements.error().hint}});
    return {{"ok", false}, {"errors", std::move(errors)}, {"plan", std::move(plan)}};
  }
  for (const auto& one : *statements) {
    if (const auto* v = std::get_if<view_plan>(&one)) plan.push_back(plan_line(*v));
    if (const auto* d = std::get_if<stream_definition>(&one))
      plan.push_back(
          fmt::format("{}: stream of {} columns, format {}", d->name, d->columns->fields.size(), d->format.name));
  }
  return {{"ok", true}, {"errors", std::move(errors)}, {"plan", std::move(plan)}};
}

result<std::string> node_service::letters_topic(std::string_view name, bool late) const {
  const auto plan = node_.plan();
  const auto& app = node_.settings().node.app;
  if (plan->names.views.contains(name)) return late ? topic::late(app, name) : topic::refused(app, name);
  if (!plan->state.streams.contains(name)) return fail(errc::not_found, "there is no stream or view {}", name);
  if (!late) return topic::dead(app, name);
  return with_hint(fail(errc::invalid_argument, "{} is a stream; late records are listed by view", name),
                   "name a view over it");
}

result<json> node_service::dead_letters(std::string_view name, bool late, const page_request& page) {
  WEIR_TRY(topic, letters_topic(name, late));
  return read_dead_letters(node_.log(), topic, shards(), page, most_rows());
}

result<json> node_service::get_dead_letter(std::string_view name, std::string_view id) {
  WEIR_TRY(topic, letters_topic(name, false));
  WEIR_TRY(letter, read_dead_letter(node_.log(), topic, shards(), id));
  return letter.shown;
}

std::string node_service::metrics_text() { return metrics_.text(); }

health node_service::live() { return health_.live(); }

health node_service::ready() { return health_.ready(); }

}  // namespace weir

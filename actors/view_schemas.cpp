#include "actors/view_schemas.hpp"

#include <algorithm>

#include "runtime/format/avro_rows.hpp"
#include "runtime/sql/sql.hpp"
#include "runtime/sql/view_topic.hpp"

namespace weir {

namespace {

result<std::vector<view_plan>> outward_views(const config& c, const control_plan& plan, std::string_view pipeline,
                                             std::string_view sql) {
  sql_limits limits;
  limits.statement_bytes = static_cast<std::size_t>(c.limits.statement_bytes);
  WEIR_TRY(statements, plan_script(sql, names_of_others(plan, pipeline), limits));
  std::vector<view_plan> out;
  for (auto& one : statements)
    if (auto* view = std::get_if<view_plan>(&one); view != nullptr && has_schema(view->topic_format))
      out.push_back(std::move(*view));
  return out;
}

// The options that its SQL names.
format_spec declared(const view_plan& view) {
  auto out = view.topic_format;
  out.options.erase(schema_id_option);
  out.options.erase(key_schema_id_option);
  return out;
}

// What a view that stands was settled with; none where it is new or goes elsewhere now. Its columns cannot change.
const std::map<std::string, std::string>* kept_by(const control_plan& plan, std::string_view pipeline,
                                                  const view_plan& next) {
  const auto it = plan.pipelines.find(pipeline);
  if (it == plan.pipelines.end()) return nullptr;
  const auto& views = it->second.views;
  const auto now = std::ranges::find_if(views, [&](const view_plan& v) { return v.name == next.name; });
  if (now == views.end() || now->topic != next.topic || declared(*now) != next.topic_format) return nullptr;
  const auto settled = it->second.record.settled.find(next.name);
  return settled == it->second.record.settled.end() ? nullptr : &settled->second;
}

status add_wanted(const view_plan& view, std::vector<wanted_schema>& out) {
  const auto level = view.topic_format.options.find("compatibility");
  const auto compatibility = level == view.topic_format.options.end() ? std::string() : level->second;
  WEIR_TRY(value, avro_schema_of(*view.output_columns, view.topic));
  out.push_back({view.name, schema_id_option, {view.topic + "-value", std::move(value), compatibility}});
  if (!has_topic_keys(view)) return {};
  WEIR_TRY(key, avro_schema_of(*topic_key_columns(view), view.topic + "_key"));
  out.push_back({view.name, key_schema_id_option, {view.topic + "-key", std::move(key), compatibility}});
  return {};
}

}  // namespace

result<std::vector<wanted_schema>> wanted_schemas(const config& c, const control_plan& plan, std::string_view pipeline,
                                                  std::string_view sql) {
  WEIR_TRY(views, outward_views(c, plan, pipeline, sql));
  std::vector<wanted_schema> out;
  for (const auto& view : views)
    if (kept_by(plan, pipeline, view) == nullptr) WEIR_TRY_VOID(add_wanted(view, out));
  return out;
}

result<settled_options> settle_schemas(const schema_registry& registry, const std::vector<wanted_schema>& wanted) {
  settled_options out;
  for (const auto& one : wanted) {
    auto id = registry.number_of(one.offer);
    if (!id) {
      id.error().message = fmt::format("view {}: {}", one.view, id.error().message);
      return fail(std::move(id).error());
    }
    out[one.view][one.option] = std::to_string(*id);
  }
  return out;
}

result<settled_options> settled_for(const config& c, const control_plan& plan, std::string_view pipeline,
                                    std::string_view sql, const std::vector<wanted_schema>& wanted,
                                    const settled_options& settled) {
  WEIR_TRY(now, wanted_schemas(c, plan, pipeline, sql));
  if (now != wanted)
    return with_hint(fail(errc::unavailable, "what the views of pipeline {} read has changed meanwhile", pipeline),
                     "apply it again");
  auto out = settled;
  WEIR_TRY(views, outward_views(c, plan, pipeline, sql));
  for (const auto& view : views)
    if (const auto* kept = kept_by(plan, pipeline, view)) out[view.name] = *kept;
  return out;
}

}  // namespace weir

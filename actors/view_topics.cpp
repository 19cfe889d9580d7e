#include "actors/view_topics.hpp"

#include "runtime/sql/sql.hpp"

namespace weir {

status make_view_topics(event_log& log, const config& c, const control_plan& plan, std::string_view pipeline,
                        std::string_view sql) {
  sql_limits limits;
  limits.statement_bytes = static_cast<std::size_t>(c.limits.statement_bytes);
  WEIR_TRY(statements, plan_script(sql, names_of_others(plan, pipeline), limits));
  for (const auto& one : statements) {
    const auto* view = std::get_if<view_plan>(&one);
    if (view == nullptr || view->topic.empty()) continue;
    if (view->topic.starts_with(c.node.app + "."))
      return with_hint(
          fail(errc::invalid_argument, "view {}: topic {} would be one of weir's own", view->name, view->topic),
          fmt::format("choose a name that does not begin with '{}.'", c.node.app));
    topic_config wanted{view->topic, static_cast<int>(c.node.shards), topic_kind::compacted, 0, 0};
    if (view->kind == view_kind::append) {
      wanted.kind = topic_kind::append;
      wanted.retention_ms = c.log.retention_us / 1'000;
      wanted.retention_bytes = c.log.retention_bytes;
    }
    if (auto made = log.create_topic(wanted); !made) {
      made.error().message = fmt::format("view {}: {}", view->name, made.error().message);
      return made;
    }
  }
  return {};
}

}  // namespace weir

#include "actors/node_descriptions.hpp"

#include <fmt/ranges.h>

#include <algorithm>

#include "actors/record_json.hpp"
#include "cluster/pushed_sources.hpp"
#include "cluster/topic_sources.hpp"
#include "runtime/format/json_writer.hpp"
#include "runtime/operators/view_operator.hpp"

namespace weir {

namespace {

using json = nlohmann::json;

json text_or_null(const std::string& text) { return text.empty() ? json() : json(text); }

json connector_json(const connector_kind& kind) {
  json options = json::array();
  for (const auto& o : kind.options)
    options.push_back({{"name", o.name},
                       {"description", o.description},
                       {"required", o.required},
                       {"default", text_or_null(o.default_value)}});
  return {{"name", kind.name},
          {"description", kind.description},
          {"guarantee", kind.guarantee},
          {"options", std::move(options)}};
}

// A value with JSON's own type where there is one.
json value_json(const column& values, std::size_t row) {
  if (values.is_null(row)) return nullptr;
  std::string text;
  append_json_value(text, values, row);
  auto out = json::parse(text, nullptr, false);
  return out.is_discarded() ? json(std::move(text)) : out;
}

std::vector<std::string> key_names(const view_plan& view) {
  std::vector<std::string> out;
  for (const auto c : view.key_columns) out.push_back(view.output_columns->fields[c].name);
  return out;
}

json window_json(const window_spec& w) {
  switch (w.kind) {
    case window_kind::none: return nullptr;
    case window_kind::tumble: return {{"kind", "tumble"}, {"size", format_interval(w.size_us)}};
    case window_kind::session: return {{"kind", "session"}, {"gap", format_interval(w.size_us)}};
  }
  return nullptr;
}

const pipeline_summary& summary_of(const node_summary& s, std::string_view pipeline) {
  static const pipeline_summary none{"starting", {}, 0, 0, 0, 0, 0};
  const auto it = s.pipelines.find(std::string(pipeline));
  return it == s.pipelines.end() ? none : it->second;
}

// Why the source's shard takes nothing for now.
std::string held_by(const node_summary& s, std::string_view source) {
  const auto shard = static_cast<std::size_t>(shard_of_source(source, std::max(1, s.plan->state.deployment.shards)));
  const auto* held = shard < s.shards.size() && s.shards[shard].report.held ? &*s.shards[shard].report.held : nullptr;
  return held == nullptr ? std::string() : held->text();
}

std::string shown_state(const node_summary& s, std::string_view source, const source_view& v) {
  if (v.state == "running" && !held_by(s, source).empty()) return "held";
  return v.state == "running" && v.quiet(s.now_us) ? "waiting" : v.state;
}

// What a source is one of: the virtual ones of a stream, the partitions of a topic.
std::string group_of(const node_summary& s, const source_record& record) {
  const auto* const topic = topic_of(s.plan->state, record);
  return topic == nullptr ? virtual_group_of(record) : topic->name;
}

// What only ingest knows of a source.
void add_ingest_view(json& to, const node_summary& s, const std::string& name) {
  const auto it = s.sources.find(name);
  const source_status known = it == s.sources.end() ? source_status{} : *it->second;
  to["records"] = known.accepted;
  to["dead_letters"] = known.dead;
  to["late"] = known.late;
  to["time"] = known.state;
  to["watermark"] = time_json(known.watermark_us);
  to["position"] = text_or_null(known.position);
}

}  // namespace

nlohmann::json rows_json(const record_batch& rows, std::size_t most) {
  json out_rows = json::array();
  const auto count = std::min(rows.rows, most);
  for (std::size_t i = 0; i < count; ++i) {
    json row = json::array();
    for (const auto& c : rows.columns) row.push_back(value_json(*c, i));
    out_rows.push_back(std::move(row));
  }
  json out{{"columns", describe_columns(*rows.columns_schema)}, {"rows", std::move(out_rows)}};
  if (count < rows.rows) out["truncated"] = true;
  return out;
}

json describe_columns(const schema& columns) {
  json out = json::array();
  for (const auto& f : columns.fields) {
    json column{{"name", f.name}, {"type", to_string(f.type)}};
    if (f.not_null) column["not_null"] = true;
    out.push_back(std::move(column));
  }
  return out;
}

json describe_stream(const node_summary& s, const stream_record& record) {
  json out{{"name", record.name}, {"pipeline", record.pipeline}, {"sql", record.sql}};
  std::uint64_t records = 0, dead = 0, late = 0, sources = 0;
  auto watermark = std::numeric_limits<std::int64_t>::max();
  for (const auto& [name, source] : s.plan->state.sources) {
    if (source.stream != record.name) continue;
    ++sources;
    const auto it = s.sources.find(name);
    if (it == s.sources.end()) continue;
    records += it->second->accepted;
    dead += it->second->dead;
    late += it->second->late;
    if (it->second->state == "live") watermark = std::min(watermark, it->second->watermark_us);
  }
  out["sources"] = sources;
  out["records"] = records;
  out["dead_letters"] = dead;
  out["late"] = late;
  out["watermark"] = time_json(watermark);
  const auto it = s.plan->names.streams.find(record.name);
  if (it == s.plan->names.streams.end()) return out;
  const auto& d = it->second;
  out["format"] = d.format.name;
  out["columns"] = describe_columns(*d.columns);
  out["event_time"] = d.event_time ? json(d.columns->fields[*d.event_time].name) : json();
  out["lateness"] = format_interval(d.lateness_us);
  out["idle"] = d.idle_us > 0 ? json(format_interval(d.idle_us)) : json();
  out["retention"] = d.retention_us > 0 ? json(format_interval(d.retention_us)) : json();
  return out;
}

json describe_source(const node_summary& s, const source_record& record) {
  const auto it = s.board.find(record.name);
  const source_view seen = it == s.board.end() ? source_view{} : it->second;
  const bool own = record.connector == retry_connector;
  const auto state = own                                  ? "waiting"
                     : record.state == run_state::running ? shown_state(s, record.name, seen)
                                                          : std::string(to_string(record.state));
  const source_spec spec{record.name, record.stream, record.connector, record.options};
  const bool reads = state == "running" || state == "waiting" || state == "held";
  json out{{"name", record.name},
           {"group", text_or_null(group_of(s, record))},
           {"stream", record.stream},
           {"connector", record.connector},
           {"options", shown_options(spec)},
           {"state", state},
           {"guarantee", guarantee_of(spec)}};
  out["shard"] = shard_of_source(record.name, std::max(1, s.plan->state.deployment.shards));
  out["rate"] = reads && !own ? json(seen.quiet(s.now_us) ? 0.0 : seen.rate) : json();
  const bool has_lag = state != "ended" && state != "paused" && seen.last_record_us > 0;
  out["lag"] =
      has_lag ? json(static_cast<double>(std::max<std::int64_t>(0, s.now_us - seen.last_record_us)) / 1e6) : json();
  out["progress"] = text_or_null(seen.progress);
  const auto held = reads ? held_by(s, record.name) : std::string();
  out["last_error"] = text_or_null(held.empty() ? seen.last_error : held);
  out["next_try"] = state == "failed" && seen.next_try_us > 0 ? time_json(seen.next_try_us) : json();
  out["restarts"] = seen.restarts;
  out["blocked_s"] = static_cast<double>(seen.blocked_us) / 1e6;
  add_ingest_view(out, s, record.name);
  return out;
}

json describe_view(const node_summary& s, const view_plan& view, std::string_view pipeline, state_store& store) {
  std::uint64_t rows = 0;
  for (std::size_t i = 0; i < s.shards.size(); ++i)
    if (const auto count = store.row_count(static_cast<int>(i), view.name)) rows += *count;
  const auto watermark = s.view_watermarks_us.find(view.name);
  return {{"name", view.name},
          {"kind", view.kind == view_kind::upsert ? "upsert" : "append"},
          {"emit", view.emit == emit_mode::changes ? "changes" : "final"},
          {"columns", describe_columns(*view.output_columns)},
          {"key", key_names(view)},
          {"window", window_json(view.window)},
          {"input", view.input},
          {"input_is_stream", view.input_is_stream},
          {"pipeline", pipeline},
          {"state", summary_of(s, pipeline).state},
          {"rows", rows},
          {"watermark", watermark == s.view_watermarks_us.end() ? json() : time_json(watermark->second)},
          {"sql", view.sql}};
}

json describe_pipeline(const node_summary& s, const planned_pipeline& p) {
  const auto& sum = summary_of(s, p.record.name);
  json views = json::array();
  for (const auto& v : p.views) views.push_back(v.name);
  return {{"name", p.record.name},
          {"state", sum.state},
          {"views", std::move(views)},
          {"lag", sum.behind},
          {"records", sum.records},
          {"restarts", sum.restarts},
          {"state_bytes", sum.state_bytes},
          {"from", p.record.from_beginning ? "beginning" : "end"},
          {"error", text_or_null(sum.error)},
          {"sql", p.record.sql}};
}

// Nodes in the order of their joining; null where a node is alone by nature.
json describe_cluster(const node_summary& s, const node& n) {
  const auto seen = n.cluster();
  if (!seen.shared) return nullptr;
  const auto placed = place(s.plan->state);
  json nodes = json::array();
  const auto add = [&](const std::string& name, std::string_view role) {
    const auto& m = s.plan->state.members.find(name)->second;
    nodes.push_back(
        {{"node", name}, {"role", role}, {"incarnation", m.join.incarnation}, {"url", text_or_null(m.join.url)}});
  };
  if (!placed.owner.empty()) add(placed.owner, "owner");
  for (const auto& name : placed.standbys) add(name, "standby");
  for (const auto& [name, m] : s.plan->state.members)
    if (m.is_gone()) add(name, "gone");
  json tails = json::array();
  for (std::size_t i = 0; i < seen.standby.size(); ++i) {
    const auto& one = seen.standby[i];
    tails.push_back(
        {{"shard", i},
         {"lag_ms", one.follows ? json(std::max<std::int64_t>(0, s.now_us - one.at_end_us) / 1'000) : json()},
         {"pipelines_in_memory", one.in_memory},
         {"problem", text_or_null(one.problem)}});
  }
  return {{"role", seen.owner ? "owner" : "standby"},
          {"incarnation", seen.incarnation},
          {"owner", text_or_null(seen.owner_name)},
          {"owner_url", text_or_null(seen.owner_url)},
          {"lease_is_sure", seen.lease_is_sure},
          {"nodes", std::move(nodes)},
          {"standby", std::move(tails)}};
}

json describe_node(const node_summary& s, const node& n, std::string_view version) {
  const auto& c = n.settings();
  json shards = json::array();
  for (std::size_t i = 0; i < s.shards.size(); ++i) {
    const auto& one = s.shards[i];
    shards.push_back({{"shard", i},
                      {"state", s.shard_state(i, silent_after_us(c))},
                      {"commits", one.report.commits},
                      {"failures", one.health.failures},
                      {"last_error", text_or_null(one.health.last_error)}});
  }
  const auto pool = n.pool();
  return {{"version", version},
          {"node", c.node.name},
          {"app", c.node.app},
          {"uptime_s", static_cast<double>(s.now_us - n.started_us()) / 1e6},
          {"started_at", time_json(n.started_us())},
          {"log", {{"kind", c.log.kind}, {"durability", c.log.durability}, {"data_dir", c.node.data_dir}}},
          {"cluster", describe_cluster(s, n)},
          {"shards", std::move(shards)},
          {"counts",
           {{"streams", s.plan->names.streams.size()},
            {"views", s.plan->names.views.size()},
            {"sources", s.plan->state.sources.size()},
            {"pipelines", s.plan->state.pipelines.size()}}},
          {"pool", {{"threads", pool.threads}, {"hung", pool.hung}, {"queued", pool.queued}, {"done", pool.done}}}};
}

json describe_connectors() {
  json out = json::array();
  for (const auto& kind : connector_kinds()) out.push_back(connector_json(kind));
  return out;
}

std::string plan_line(const view_plan& view) {
  const auto keys = key_names(view);
  const bool shuffled = needs_shuffle(view);
  std::string where = !view.grouped ? "each row where its record is" : "grouped where the source is";
  if (shuffled) where = "partial groups per shard, shuffled by key";
  return fmt::format("{}: {} view over {} {}, {}{}; {}", view.name,
                     view.kind == view_kind::upsert ? "upsert" : "append", view.input_is_stream ? "stream" : "view",
                     view.input, keys.empty() ? std::string("no key") : fmt::format("key ({})", fmt::join(keys, ", ")),
                     !view.grouped                        ? ""
                     : view.emit == emit_mode::final_rows ? ", emits final rows"
                                                          : ", emits changes",
                     where);
}

}  // namespace weir

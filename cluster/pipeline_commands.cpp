#include <fmt/ranges.h>

#include <algorithm>

#include "cluster/control_state.hpp"
#include "runtime/fault/protocol_rules.hpp"
#include "runtime/format/format_options.hpp"
#include "runtime/sql/sql.hpp"

namespace weir {

catalog names_of_others(const control_plan& plan, std::string_view pipeline) {
  catalog names = plan.names;
  for (const auto& [name, stream] : plan.state.streams) {
    if (stream.pipeline == pipeline) names.streams.erase(name);
  }
  if (const auto it = plan.pipelines.find(pipeline); it != plan.pipelines.end()) {
    for (const view_plan& view : it->second.views) names.views.erase(view.name);
  }
  return names;
}

namespace {

using records = std::vector<control_record>;

constexpr std::size_t max_name_bytes = 63;
constexpr std::size_t max_error_bytes = 8 * 1024;

// Names become parts of topic names, which dots separate.
bool is_topic_part(std::string_view name) {
  return !name.empty() && name.size() <= max_name_bytes && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

status check_name(std::string_view what, std::string_view name) {
  if (is_topic_part(name)) return {};
  return fail(errc::invalid_argument, "{} name '{}'; write 1 to {} letters, digits, '-' or '_'", what, name,
              max_name_bytes);
}

std::vector<view_plan>::const_iterator find_view(const std::vector<view_plan>& views, std::string_view name) {
  return std::ranges::find_if(views, [&](const view_plan& v) { return v.name == name; });
}

// "view a of pipeline p" for every view outside `pipeline` that reads `input`.
void add_readers(const control_plan& plan, std::string_view pipeline, std::string_view input,
                 std::vector<std::string>& readers) {
  for (const auto& [name, planned] : plan.pipelines) {
    if (name == pipeline) continue;
    for (const view_plan& view : planned.views) {
      if (view.input == input) readers.push_back(fmt::format("view {} of pipeline {}", view.name, name));
    }
  }
}

// Refuses while views of other pipelines read views of this one that are not kept.
status check_views_unread(const control_plan& plan, std::string_view pipeline, std::string_view verb,
                          const std::vector<view_plan>& kept) {
  const auto it = plan.pipelines.find(pipeline);
  if (it == plan.pipelines.end()) return {};
  for (const view_plan& view : it->second.views) {
    if (find_view(kept, view.name) != kept.end()) continue;
    std::vector<std::string> readers;
    add_readers(plan, pipeline, view.name, readers);
    if (readers.empty()) continue;
    return with_hint(fail(errc::conflict, "pipeline {} cannot be {}: its view {} is read by {}", pipeline, verb,
                          view.name, fmt::join(readers, ", ")),
                     "drop what reads it first, or declare both in one pipeline");
  }
  return {};
}

// Refuses while other pipelines read the stream or sources write to it.
status check_stream_unused(const control_plan& plan, const stream_record& stream) {
  std::vector<std::string> users;
  add_readers(plan, stream.pipeline, stream.name, users);
  for (const auto& [name, source] : plan.state.sources) {
    if (source.stream == stream.name) users.push_back("source " + name);
  }
  if (users.empty()) return {};
  return with_hint(
      fail(errc::conflict, "stream {} cannot be dropped: it is used by {}", stream.name, fmt::join(users, ", ")),
      "remove those first");
}

// But for its retention, which may change.
bool same_stream(const stream_definition& a, const stream_definition& b) {
  return *a.columns == *b.columns && declared_format(a.format) == declared_format(b.format) &&
         a.event_time == b.event_time && a.event_time_unit_us == b.event_time_unit_us &&
         a.lateness_us == b.lateness_us && a.idle_us == b.idle_us && a.max_future_us == b.max_future_us;
}

tl::unexpected<error> name_taken(std::string_view name, std::string_view kind, std::string_view owner) {
  return with_hint(fail(errc::conflict, "{} is a {} of pipeline {} already", name, kind, owner),
                   "choose another name; views of any pipeline may read it");
}

// Refuses names that other pipelines use.
status check_name_free(const control_plan& plan, std::string_view pipeline, std::string_view name) {
  if (const auto it = plan.state.streams.find(name);
      it != plan.state.streams.end() && it->second.pipeline != pipeline) {
    return name_taken(name, "stream", it->second.pipeline);
  }
  for (const auto& [owner, planned] : plan.pipelines) {
    if (owner == pipeline) continue;
    for (const view_plan& view : planned.views) {
      if (view.name == name) return name_taken(name, "view", owner);
    }
  }
  return {};
}

// What the file would declare, checked against what stands.
struct declared {
  std::vector<stream_definition> streams;
  std::vector<view_plan> views;

  bool has_stream(std::string_view name) const {
    return std::any_of(streams.begin(), streams.end(), [name](const auto& s) { return s.name == name; });
  }
};

result<declared> read_script(const control_plan& plan, std::string_view pipeline, std::string_view sql,
                             const control_limits& limits) {
  if (sql.size() > limits.script_bytes) {
    return fail(errc::limit_exceeded, "the SQL of pipeline {} has {} bytes, more than {}", pipeline, sql.size(),
                limits.script_bytes);
  }
  if (!is_record_text(sql)) return fail(errc::parse_error, "the SQL of pipeline {} is no UTF-8", pipeline);
  WEIR_TRY(statements, plan_script(sql, names_of_others(plan, pipeline), limits.sql));
  if (statements.empty()) return fail(errc::invalid_argument, "the SQL of pipeline {} declares nothing", pipeline);
  declared out;
  for (statement& s : statements) {
    if (auto* stream = std::get_if<stream_definition>(&s)) {
      WEIR_TRY_VOID(check_name("stream", stream->name));
      WEIR_TRY_VOID(check_name_free(plan, pipeline, stream->name));
      out.streams.push_back(std::move(*stream));
    } else if (auto* view = std::get_if<view_plan>(&s)) {
      WEIR_TRY_VOID(check_name("view", view->name));
      WEIR_TRY_VOID(check_name_free(plan, pipeline, view->name));
      out.views.push_back(std::move(*view));
    }
  }
  return out;
}

status check_counts(const control_plan& plan, std::string_view pipeline, const declared& wanted,
                    const control_limits& limits) {
  std::size_t streams = wanted.streams.size();
  for (const auto& [name, stream] : plan.state.streams) streams += stream.pipeline != pipeline;
  std::size_t views = wanted.views.size();
  for (const auto& [name, planned] : plan.pipelines) views += name == pipeline ? 0 : planned.views.size();
  if (streams > limits.streams) {
    return fail(errc::limit_exceeded, "{} streams are more than limits.streams = {}", streams, limits.streams);
  }
  if (views > limits.views) {
    return fail(errc::limit_exceeded, "{} views are more than limits.views = {}", views, limits.views);
  }
  return {};
}

// A topic has one view that writes to it: two could never be told apart by its readers.
status check_topics(const control_plan& plan, std::string_view pipeline, const declared& wanted,
                    const control_limits& limits) {
  std::map<std::string_view, std::string_view> writers;
  for (const auto& [owner, planned] : plan.pipelines)
    for (const view_plan& view : planned.views)
      if (owner != pipeline && !view.topic.empty()) writers.emplace(view.topic, view.name);
  for (const view_plan& view : wanted.views) {
    if (view.topic.empty()) continue;
    if (!limits.view_topics)
      return with_hint(
          fail(errc::unsupported, "view {} goes out to topic {}, and this log is not on Kafka", view.name, view.topic),
          "set log.kind = \"kafka\", or leave the option topic out");
    if (const auto [other, is_new] = writers.emplace(view.topic, view.name); !is_new)
      return with_hint(
          fail(errc::conflict, "view {} goes out to topic {}, as view {} does", view.name, view.topic, other->second),
          "give each its own topic");
  }
  return {};
}

// Records of streams that are new, after a check that those that stand stay what they are.
status add_streams(const control_plan& plan, std::string_view pipeline, const declared& wanted,
                   const settled_options& settled, records& out) {
  for (const stream_definition& stream : wanted.streams) {
    if (!plan.state.streams.contains(stream.name)) {
      const auto it = settled.find(stream.name);
      out.push_back(to_record(stream_record{stream.name, stream.sql, std::string(pipeline),
                                            it == settled.end() ? std::map<std::string, std::string>() : it->second}));
      continue;
    }
    const auto now = plan.names.streams.find(stream.name);
    if (now != plan.names.streams.end() && same_stream(now->second, stream)) {
      if (now->second.retention_us != stream.retention_us)
        out.push_back(to_record(stream_record{stream.name, stream.sql, std::string(pipeline)}));
      continue;
    }
    return with_hint(
        fail(errc::conflict, "stream {} exists with another declaration; its records are in the log", stream.name),
        "keep its CREATE TABLE as it was, or declare a new stream under another name");
  }
  return {};
}

status drop_streams(const control_plan& plan, std::string_view pipeline, const declared& kept, records& out) {
  for (const auto& [name, stream] : plan.state.streams) {
    if (stream.pipeline != pipeline || kept.has_stream(name)) continue;
    WEIR_TRY_VOID(check_stream_unused(plan, stream));
    out.push_back(removal("stream", name));
  }
  return {};
}

std::string shape_of(const view_plan& view) {
  std::vector<std::string> columns;
  for (const auto& f : view.output_columns->fields)
    columns.push_back(fmt::format("{} {}{}", f.name, to_string(f.type), f.not_null ? " NOT NULL" : ""));
  std::vector<std::string_view> keys;
  for (const auto k : view.key_columns) keys.push_back(view.output_columns->fields[k].name);
  return fmt::format("{} ({}){}{}", view.kind == view_kind::upsert ? "upsert" : "append", fmt::join(columns, ", "),
                     keys.empty() ? "" : " by ", fmt::join(keys, ", "));
}

// A view that stands goes on in the same table and topic: rows of two shapes there would be nobody's.
status check_shapes(const control_plan& plan, std::string_view pipeline, const std::vector<view_plan>& wanted) {
  const auto it = plan.pipelines.find(pipeline);
  if (it == plan.pipelines.end()) return {};
  for (const view_plan& now : it->second.views) {
    const auto next = find_view(wanted, now.name);
    if (next == wanted.end() || shape_of(now) == shape_of(*next)) continue;
    return with_hint(
        fail(errc::conflict, "view {} would become {}, and its rows are {}", now.name, shape_of(*next), shape_of(now)),
        "give the new view another name: it is built from the log's beginning, and the old one goes");
  }
  return {};
}

std::uint64_t next_incarnation(const control_state& state, std::string_view pipeline) {
  if (const auto it = state.pipelines.find(pipeline); it != state.pipelines.end()) return it->second.incarnation + 1;
  const auto it = state.removed_pipelines.find(pipeline);
  return it == state.removed_pipelines.end() ? 1 : it->second + 1;
}

}  // namespace

result<records> apply_pipeline(const control_plan& plan, std::string_view name, std::string_view sql, bool replace,
                               bool from_beginning, const control_limits& limits, const settled_options& settled) {
  WEIR_TRY_VOID(check_name("pipeline", name));
  const auto existing = plan.state.pipelines.find(name);
  const bool exists = existing != plan.state.pipelines.end();
  if (exists && existing->second.sql == sql) return records{};
  WEIR_TRY(wanted, read_script(plan, name, sql, limits));
  if (exists && !replace) {
    return with_hint(fail(errc::conflict, "pipeline {} exists with another SQL", name),
                     "replace it (weir apply --replace): its views go on with the new SQL; or choose another name");
  }
  if (exists) WEIR_TRY_VOID(check_views_unread(plan, name, "replaced", wanted.views));
  WEIR_TRY_VOID(check_counts(plan, name, wanted, limits));
  WEIR_TRY_VOID(check_topics(plan, name, wanted, limits));
  records out;
  WEIR_TRY_VOID(add_streams(plan, name, wanted, settled, out));
  WEIR_TRY_VOID(drop_streams(plan, name, wanted, out));
  if (exists) WEIR_TRY_VOID(check_shapes(plan, name, wanted.views));
  pipeline_record record;
  record.name = name;
  record.sql = sql;
  record.incarnation = next_incarnation(plan.state, name);
  record.first_incarnation = exists ? existing->second.first_incarnation : record.incarnation;
  record.from_beginning = from_beginning;
  for (const auto& view : wanted.views)
    if (const auto it = settled.find(view.name); it != settled.end()) record.settled.insert(*it);
  out.push_back(to_record(record));
  return out;
}

result<records> drop_pipeline(const control_plan& plan, std::string_view name) {
  const auto it = plan.state.pipelines.find(name);
  if (it == plan.state.pipelines.end()) return fail(errc::not_found, "there is no pipeline {}", name);
  WEIR_TRY_VOID(check_views_unread(plan, name, "dropped", {}));
  records out;
  WEIR_TRY_VOID(drop_streams(plan, name, {}, out));
  out.push_back(removal(it->second));
  return out;
}

result<records> set_pipeline_state(const control_plan& plan, std::string_view name, run_state state,
                                   std::string_view why) {
  const auto it = plan.state.pipelines.find(name);
  if (it == plan.state.pipelines.end()) return fail(errc::not_found, "there is no pipeline {}", name);
  pipeline_record record = it->second;
  record.state = state;
  record.error = state == run_state::quarantined ? why.substr(0, max_error_bytes) : std::string_view();
  if (record == it->second) return records{};
  return records{to_record(record)};
}

result<records> set_deployment(const control_state& state, const deployment_record& wanted) {
  const deployment_record& now = state.deployment;
  if (now.shards == 0) return records{to_record(wanted)};
  if (now == wanted || !rule_on(1)) return records{};
  if (now.shards == wanted.shards && now.shuffle_partitions == wanted.shuffle_partitions)
    return with_hint(fail(errc::conflict, "this deployment was made with {} shards per writer, the config says {}",
                          now.shards_per_writer, wanted.shards_per_writer),
                     fmt::format("set log.kafka.shards_per_writer = {}: who may write follows from this number, so it "
                                 "is fixed when the deployment is made; another number needs another node.app",
                                 now.shards_per_writer));
  return with_hint(fail(errc::conflict,
                        "this deployment was made with {} shards and {} shuffle partitions, the config says {} and {}",
                        now.shards, now.shuffle_partitions, wanted.shards, wanted.shuffle_partitions),
                   fmt::format("set node.shards = {}: where each record lives follows from this number, so it is fixed "
                               "when the deployment is made; another number needs a new data_dir",
                               now.shards));
}

}  // namespace weir

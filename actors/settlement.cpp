#include "actors/settlement.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "runtime/format/avro_rows.hpp"
#include "runtime/format/json_writer.hpp"
#include "runtime/format/protobuf_writer.hpp"
#include "runtime/sql/sql.hpp"
#include "runtime/sql/view_topic.hpp"

namespace weir {

namespace {

constexpr std::size_t max_file = 4U << 20, max_kept = 256U << 10;

result<std::vector<statement>> planned(const config& c, const control_plan& plan, std::string_view pipeline,
                                       std::string_view sql) {
  sql_limits limits;
  limits.statement_bytes = static_cast<std::size_t>(c.limits.statement_bytes);
  return plan_script(sql, names_of_others(plan, pipeline), limits);
}

// What a view that stands was settled with; none where it is new or goes elsewhere now. Its columns cannot change.
const std::map<std::string, std::string>* kept_by(const control_plan& plan, std::string_view pipeline,
                                                  const view_plan& next) {
  const auto it = plan.pipelines.find(pipeline);
  if (it == plan.pipelines.end()) return nullptr;
  const auto& views = it->second.views;
  const auto now = std::ranges::find_if(views, [&](const view_plan& v) { return v.name == next.name; });
  if (now == views.end() || now->topic != next.topic || declared_format(now->topic_format) != next.topic_format)
    return nullptr;
  const auto settled = it->second.record.settled.find(next.name);
  return settled == it->second.record.settled.end() ? nullptr : &settled->second;
}

std::string compatibility_of(const view_plan& view) {
  const auto level = view.topic_format.options.find("compatibility");
  return level == view.topic_format.options.end() ? std::string() : level->second;
}

schema_offer avro_offer(std::string subject, std::string text, std::string compatibility) {
  schema_offer out;
  out.subject = std::move(subject);
  out.text = std::move(text);
  out.compatibility = std::move(compatibility);
  return out;
}

status add_numbers(const view_plan& view, wanted_settlement& out) {
  WEIR_TRY(value, avro_schema_of(*view.output_columns, view.topic));
  const auto level = compatibility_of(view);
  out.numbers.push_back({view.name, schema_id_option, avro_offer(view.topic + "-value", std::move(value), level)});
  if (!has_topic_keys(view)) return {};
  WEIR_TRY(key, avro_schema_of(*topic_key_columns(view), view.topic + "_key"));
  out.numbers.push_back({view.name, key_schema_id_option, avro_offer(view.topic + "-key", std::move(key), level)});
  return {};
}

status add_set(const stream_definition& stream, wanted_settlement& out) {
  WEIR_TRY(options, read_format_options(stream.format));
  out.sets.push_back({stream.name, options.descriptors, options.message, *stream.columns, {}});
  return {};
}

status add_set(const view_plan& view, wanted_settlement& out) {
  auto format = view.topic_format;
  format.options.erase("compatibility");
  WEIR_TRY(options, read_format_options(format));
  out.sets.push_back({view.name, options.descriptors, options.message, *view.output_columns,
                      wanted_settlement::outward_rows{view.topic, compatibility_of(view), options.framed}});
  return {};
}

result<std::string> read_descriptors(const config& c, const std::string& name) {
  const auto& folder = c.sources.descriptors;
  if (folder.empty())
    return with_hint(fail(errc::permission_denied, "no folder of descriptor sets is known"),
                     "name the one that holds " + name + " in sources.descriptors in config.toml");
  const auto path = std::filesystem::path(folder) / name;
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(errc::not_found, "the descriptor set {} cannot be read", path.string());
  std::string bytes(max_file + 1, '\0');
  in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(in.gcount()));
  if (in.bad() || bytes.size() > max_file)
    return fail(errc::io_error, "the descriptor set {} cannot be read or has more than {} bytes", path.string(),
                max_file);
  return bytes;
}

status check_columns(const std::shared_ptr<const protobuf_type>& type, const wanted_settlement::descriptors& wanted) {
  if (wanted.view) {
    WEIR_TRY(writer, protobuf_writer::make(type, wanted.columns));
    static_cast<void>(writer);
    return {};
  }
  for (const auto& column : wanted.columns.fields)
    if (!type->has_field(column.name))
      return with_hint(fail(errc::invalid_argument, "column {} is no field of message {}", column.name, wanted.message),
                       "name columns as the message's fields");
  return {};
}

schema_offer protobuf_offer(const protobuf_type& type, const wanted_settlement::descriptors& wanted) {
  schema_offer out;
  out.subject = wanted.view->topic + "-value";
  out.compatibility = wanted.view->compatibility;
  out.imports = type.sources();
  out.text = std::move(out.imports.back().text);
  out.direct_imports = std::move(out.imports.back().imports);
  out.imports.pop_back();
  out.descriptor_set = type.descriptor_set();
  out.message = wanted.message;
  return out;
}

// The least set that has the message, as a text, and the number of its file where the rows are framed.
status settle_set(const config& c, const schema_registry& registry, const wanted_settlement::descriptors& wanted,
                  std::map<std::string, std::string>& out) {
  WEIR_TRY(bytes, read_descriptors(c, wanted.file));
  WEIR_TRY(type, protobuf_type::parse(bytes, wanted.message));
  WEIR_TRY_VOID(check_columns(type, wanted));
  const auto kept = type->descriptor_set();
  if (kept.size() > max_kept)
    return fail(errc::limit_exceeded, "the descriptors of message {} have more than {} bytes", wanted.message,
                max_kept);
  append_bytea_text(out[descriptor_set_option], kept);
  if (!wanted.view || !wanted.view->framed) return {};
  WEIR_TRY(id, registry.number_of(protobuf_offer(*type, wanted)));
  out[schema_id_option] = std::to_string(id);
  return {};
}

// What a view's rows go out with beyond its SQL.
status add_view(const view_plan& view, wanted_settlement& out) {
  if (view.topic_format.name == "avro") return add_numbers(view, out);
  if (view.topic_format.name == "protobuf") return add_set(view, out);
  return {};
}

}  // namespace

result<wanted_settlement> wanted_by(const config& c, const control_plan& plan, std::string_view pipeline,
                                    std::string_view sql) {
  WEIR_TRY(statements, planned(c, plan, pipeline, sql));
  wanted_settlement out;
  for (const auto& one : statements) {
    const auto* const stream = std::get_if<stream_definition>(&one);
    const auto* const view = std::get_if<view_plan>(&one);
    if (stream != nullptr && stream->format.name == "protobuf" && !plan.state.streams.contains(stream->name))
      WEIR_TRY_VOID(add_set(*stream, out));
    if (view != nullptr && kept_by(plan, pipeline, *view) == nullptr) WEIR_TRY_VOID(add_view(*view, out));
  }
  return out;
}

result<settled_options> settle_all(const config& c, const schema_registry& registry, const wanted_settlement& wanted) {
  settled_options out;
  const auto named = [](std::string_view what, const std::string& name, error why) {
    why.message = fmt::format("{} {}: {}", what, name, why.message);
    return fail(std::move(why));
  };
  for (const auto& one : wanted.sets)
    if (auto good = settle_set(c, registry, one, out[one.name]); !good)
      return named(one.view ? "view" : "stream", one.name, std::move(good).error());
  for (const auto& one : wanted.numbers) {
    auto id = registry.number_of(one.offer);
    if (!id) return named("view", one.view, std::move(id).error());
    out[one.view][one.option] = std::to_string(*id);
  }
  return out;
}

result<settled_options> settled_for(const config& c, const control_plan& plan, std::string_view pipeline,
                                    std::string_view sql, const wanted_settlement& wanted,
                                    const settled_options& settled) {
  WEIR_TRY(now, wanted_by(c, plan, pipeline, sql));
  if (now != wanted)
    return with_hint(fail(errc::unavailable, "what the views of pipeline {} read has changed meanwhile", pipeline),
                     "apply it again");
  auto out = settled;
  WEIR_TRY(statements, planned(c, plan, pipeline, sql));
  for (const auto& one : statements)
    if (const auto* const view = std::get_if<view_plan>(&one))
      if (const auto* const kept = kept_by(plan, pipeline, *view)) out[view->name] = *kept;
  return out;
}

}  // namespace weir

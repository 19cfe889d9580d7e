// CREATE TABLE: a stream's columns, its format and its time.
#include <algorithm>
#include <array>

#include "runtime/format/record_decoder.hpp"
#include "runtime/sql/definition_binder.hpp"
#include "runtime/sql/sql_type.hpp"
#include "runtime/time/timestamp.hpp"

namespace weir {
namespace {

result<field> bind_column_definition(const bind_context& context, tree_node definition) {
  const auto fields = definition.unwrap();
  const auto at = context.at(definition);
  field out{std::string(fields.text("colname"))};
  const auto type = resolve_type(fields.child("typeName"));
  if (!type)
    return context.fail(errc::unsupported, context.at(fields.child("typeName")), type.error().message,
                        type.error().hint);
  out.type = type->type;
  if (fields.has("collClause")) return context.refuse(at, "collate");
  for (const auto& wrapped : fields.list("constraints")) {
    const auto constraint = wrapped.unwrap();
    const auto kind = constraint.text("contype");
    if (kind == "CONSTR_NOTNULL") {
      out.not_null = true;
    } else if (kind == "CONSTR_DEFAULT") {
      return context.refuse(context.at(wrapped), "default");
    } else if (kind != "CONSTR_NULL") {
      return context.refuse(context.at(wrapped), "constraint");
    }
  }
  return out;
}

result<schema_ptr> bind_columns(const bind_context& context, tree_node create, std::size_t at) {
  schema out;
  for (const auto& element : create.list("tableElts")) {
    if (element.kind() == "Constraint") return context.refuse(context.at(element), "constraint");
    if (element.kind() != "ColumnDef") return context.refuse(context.at(element), "like table");
    WEIR_TRY(column, bind_column_definition(context, element));
    if (out.find(column.name))
      return context.invalid(context.at(element), fmt::format("column \"{}\" is declared twice", column.name),
                             "leave one out");
    if (out.fields.size() == context.limits().columns)
      return context.fail(errc::limit_exceeded, context.at(element),
                          fmt::format("more than {} columns", context.limits().columns), "declare only what views use");
    out.fields.push_back(std::move(column));
  }
  if (out.fields.empty())
    return context.invalid(at, "a stream needs a column",
                           "name the fields of a record that views use: (name type, ...)");
  return std::make_shared<const schema>(std::move(out));
}

result<std::int64_t> read_time_unit(const bind_context& context, const with_option& option) {
  if (option.value == "us") return 1;
  if (option.value == "ms") return us_per_ms;
  if (option.value == "s") return us_per_s;
  return context.invalid(option.at, fmt::format("option event_time_unit cannot be '{}'", option.value),
                         "write event_time_unit = 's', 'ms' or 'us'");
}

constexpr std::array options_of_formats{"delimiter", "timestamps", "descriptors", "message", "framing"};
constexpr std::int64_t least_retention_us = 60 * us_per_s;

struct table_options {
  const with_option* event_time = nullptr;
  const with_option* unit = nullptr;
  const with_option* format = nullptr;
};

status read_option(const bind_context& context, const with_option& option, stream_definition& out,
                   table_options& seen) {
  const auto read_interval = [&](std::int64_t& us, bool zero_allowed) -> status {
    WEIR_TRY(value, read_interval_option(context, option, zero_allowed));
    us = value;
    return {};
  };
  if (option.name == "lateness") return read_interval(out.lateness_us, true);
  if (option.name == "idle") return read_interval(out.idle_us, true);
  if (option.name == "max_future") return read_interval(out.max_future_us, true);
  if (option.name == "retention") {
    WEIR_TRY_VOID(read_interval(out.retention_us, false));
    if (out.retention_us >= least_retention_us) return {};
    return context.invalid(
        option.at, fmt::format("option retention cannot be '{}': records are kept for a minute at least", option.value),
        "write a length of time: retention = '7 days'");
  }
  if (option.name == "event_time") {
    seen.event_time = &option;
  } else if (option.name == "event_time_unit") {
    seen.unit = &option;
    WEIR_TRY(us, read_time_unit(context, option));
    out.event_time_unit_us = us;
  } else if (option.name == "format") {
    seen.format = &option;
    out.format.name = option.value;
  } else if (std::ranges::count(options_of_formats, option.name) > 0) {
    out.format.options[option.name] = option.value;
  } else {
    return unknown_option(context, option,
                          {"format", "event_time", "event_time_unit", "lateness", "idle", "max_future", "retention",
                           "delimiter", "timestamps", "descriptors", "message", "framing"});
  }
  return {};
}

status set_event_time(const bind_context& context, const table_options& seen, stream_definition& out) {
  if (seen.event_time == nullptr) {
    if (seen.unit == nullptr) return {};
    return context.invalid(seen.unit->at, "event_time_unit without event_time", "write event_time = 'column' too");
  }
  const auto& option = *seen.event_time;
  const auto column = out.columns->find(option.value);
  if (!column)
    return context.invalid(option.at,
                           fmt::format("event_time names \"{}\", which is no column of {}", option.value, out.name),
                           "name a column of type timestamptz, or bigint with event_time_unit");
  const auto type = out.columns->fields[*column].type;
  if (type == data_type::timestamptz && seen.unit != nullptr)
    return context.invalid(seen.unit->at, "event_time_unit is for bigint columns",
                           "leave it out: the column is timestamptz");
  if (type == data_type::bigint && seen.unit == nullptr)
    return context.invalid(option.at,
                           fmt::format("event_time column \"{}\" is bigint, so its unit must be given", option.value),
                           "write event_time_unit = 's', 'ms' or 'us'");
  if (type != data_type::timestamptz && type != data_type::bigint)
    return context.invalid(option.at, fmt::format("event_time column \"{}\" is {}", option.value, to_string(type)),
                           "an event time is timestamptz, or bigint with event_time_unit");
  out.event_time = *column;
  return {};
}

}  // namespace

result<stream_definition> bind_table(bind_context& context, tree_node create) {
  const auto relation = create.child("relation");
  const auto at = context.at(relation);
  stream_definition out;
  WEIR_TRY(name, read_relation_name(context, relation));
  out.name = name;
  if (relation.text("relpersistence") != "p") return context.refuse(at, "temporary table");
  if (create.flag("if_not_exists")) return context.refuse(at, "if not exists");
  if (create.has("partspec") || create.has("partbound")) return context.refuse(at, "partition by");
  if (create.has("inhRelations")) return context.refuse(at, "inherits");
  WEIR_TRY_VOID(check_new_name(context, out.name, at));
  WEIR_TRY(columns, bind_columns(context, create, at));
  out.columns = columns;
  WEIR_TRY(options, read_options(context, create.list("options")));
  table_options seen;
  for (const auto& option : options) WEIR_TRY_VOID(read_option(context, option, out, seen));
  if (seen.format == nullptr)
    return context.invalid(
        at, fmt::format("stream {} has no format", out.name),
        "write WITH (format = 'json') behind the columns; formats are json, ndjson, csv, isd, raw, avro, protobuf");
  if (const auto format = check_format(out.format, *out.columns); !format)
    return context.invalid(seen.format->at, format.error().message, format.error().hint);
  WEIR_TRY_VOID(set_event_time(context, seen, out));
  out.sql = context.statement_text();
  return out;
}

}  // namespace weir

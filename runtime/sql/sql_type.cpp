#include "runtime/sql/sql_type.hpp"

#include <string_view>

namespace weir {
namespace {

struct known_type {
  std::string_view name;  // as the parser writes it
  data_type type;
  std::string_view shown;
  int bits = 64;
};

constexpr known_type known_types[] = {
    {"text", data_type::text, "text"},
    {"varchar", data_type::text, "varchar"},
    {"bool", data_type::boolean, "boolean"},
    {"boolean", data_type::boolean, "boolean"},
    {"int2", data_type::bigint, "smallint", 16},
    {"smallint", data_type::bigint, "smallint", 16},
    {"int4", data_type::bigint, "integer", 32},
    {"integer", data_type::bigint, "integer", 32},
    {"int8", data_type::bigint, "bigint"},
    {"bigint", data_type::bigint, "bigint"},
    {"float4", data_type::double_precision, "real"},
    {"float8", data_type::double_precision, "double precision"},
    {"double", data_type::double_precision, "double precision"},
    {"timestamptz", data_type::timestamptz, "timestamptz"},
    {"interval", data_type::interval, "interval"},
    {"json", data_type::json, "json"},
    {"jsonb", data_type::json, "jsonb"},
    {"bytea", data_type::bytea, "bytea"},
};

struct refused_type {
  std::string_view name;
  std::string_view shown;
  std::string_view hint;
};

constexpr refused_type refused_types[] = {
    {"numeric", "numeric", "write double precision, or bigint in the smallest unit"},
    {"decimal", "decimal", "write double precision, or bigint in the smallest unit"},
    {"money", "money", "write bigint in the smallest unit"},
    {"timestamp", "timestamp without time zone", "write timestamptz; a text without a zone is read as UTC"},
    {"date", "date", "write timestamptz, and date_trunc('day', t) for its day"},
    {"time", "time", "write timestamptz, or interval for a time of day"},
    {"timetz", "time with time zone", "write timestamptz"},
    {"bpchar", "char", "write text"},
    {"char", "char", "write text"},
    {"name", "name", "write text"},
    {"uuid", "uuid", "write text"},
    {"inet", "inet", "write text"},
    {"xml", "xml", "write text"},
    {"bit", "bit", "write bigint or text"},
    {"serial", "serial", "write bigint; records keep their source and sequence"},
    {"bigserial", "bigserial", "write bigint; records keep their source and sequence"},
    {"oid", "oid", "write bigint"},
    {"point", "point", "write two double precision columns"},
};

constexpr std::string_view known_list =
    "text, varchar, boolean, smallint, integer, bigint, real, double precision, timestamptz, interval, json, jsonb, "
    "bytea";

tl::unexpected<type_problem> problem(std::string message, std::string_view hint) {
  return tl::unexpected<type_problem>(type_problem{std::move(message), std::string(hint)});
}

}  // namespace

tl::expected<sql_type, type_problem> resolve_type(tree_node type_name) {
  const auto names = type_name.names("names");
  if (names.empty()) return problem("a type name is missing", {});
  const std::string& name = names.back();
  if (names.size() > 2 || (names.size() == 2 && names.front() != "pg_catalog"))
    return problem("type names have no schema", fmt::format("write {}", name));
  if (type_name.has("arrayBounds"))
    return problem("arrays are not supported", "write json, and -> to reach an element");
  if (type_name.flag("setof")) return problem("SETOF is not supported", {});
  for (const auto& refused : refused_types)
    if (name == refused.name) return problem(fmt::format("type {} is not supported", refused.shown), refused.hint);
  for (const auto& known : known_types) {
    if (name != known.name) continue;
    if (type_name.has("typmods")) {
      if (known.type == data_type::interval)
        return problem("interval with a field or a precision is not supported",
                       "write the unit in the text: interval '5 hours'");
      return problem(fmt::format("{} with a length or precision is not supported", known.shown),
                     fmt::format("write {}", known.shown == "varchar" ? "text" : known.shown));
    }
    return sql_type{known.type, std::string(known.shown), known.bits};
  }
  return problem(fmt::format("type \"{}\" does not exist", name), fmt::format("types are {}", known_list));
}

}  // namespace weir

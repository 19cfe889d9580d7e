#include "actors/gateway/json_check.hpp"

#include <algorithm>

#include "actors/gateway/schemas.hpp"

namespace weir {
namespace {

using nlohmann::json;

bool deeper_than(std::string_view text, std::size_t limit) {
  std::size_t depth = 0;
  bool in_text = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_text) {
      if (c == '\\') ++i;
      in_text = c != '"';
    } else if (c == '"') {
      in_text = true;
    } else if (c == '{' || c == '[') {
      if (++depth > limit) return true;
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return false;
}

std::string place(const std::string& path) { return path.empty() ? "the body" : path; }

bool has_type(const json& value, std::string_view type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_boolean();
  if (type == "integer") return value.is_number_integer();
  if (type == "number") return value.is_number();
  return type == "null" && value.is_null();
}

std::string_view type_word(std::string_view type) {
  if (type == "string") return "a text";
  if (type == "object") return "an object";
  if (type == "array") return "a list";
  if (type == "boolean") return "true or false";
  if (type == "integer") return "a whole number";
  return type == "number" ? "a number" : "null";
}

status check_at(const std::string& path, const json& value, const json& schema);

status check_type(const std::string& path, const json& value, const json& schema) {
  const auto type = schema.find("type");
  if (type == schema.end()) return {};
  const json allowed = type->is_array() ? *type : json::array({*type});
  std::string words;
  for (const auto& one : allowed) {
    if (has_type(value, one.get_ref<const std::string&>())) return {};
    words += (words.empty() ? "" : " or ") + std::string(type_word(one.get_ref<const std::string&>()));
  }
  return fail(
      errc::invalid_argument, "{} is {}; write {}", place(path),
      value.is_structured() ? type_word(value.type_name()) : value.dump(-1, ' ', false, json::error_handler_t::replace),
      words);
}

status check_text(const std::string& path, const json& value, const json& schema) {
  const auto size = value.get_ref<const std::string&>().size();
  if (size < schema.value("minLength", std::size_t{0})) return fail(errc::invalid_argument, "{} is empty", place(path));
  const auto most = schema.value("maxLength", size);
  if (size > most) return fail(errc::invalid_argument, "{} has {} bytes; at most {}", place(path), size, most);
  const auto allowed = schema.find("enum");
  if (allowed == schema.end() || std::find(allowed->begin(), allowed->end(), value) != allowed->end()) return {};
  return fail(errc::invalid_argument, "{} is {}; write one of {}", place(path),
              value.dump(-1, ' ', false, json::error_handler_t::replace), allowed->dump());
}

status check_list(const std::string& path, const json& value, const json& schema) {
  const auto least = schema.value("minItems", std::size_t{0});
  const auto most = schema.value("maxItems", value.size());
  if (value.size() < least || value.size() > most) {
    return fail(errc::invalid_argument, "{} has {} items; write {} to {}", place(path), value.size(), least, most);
  }
  const auto items = schema.find("items");
  for (std::size_t i = 0; items != schema.end() && i < value.size(); ++i) {
    WEIR_TRY_VOID(check_at(fmt::format("{}/{}", path, i), value[i], *items));
  }
  return {};
}

std::string names_of(const json& properties) {
  std::string out;
  for (const auto& member : properties.items()) out += (out.empty() ? "" : ", ") + member.key();
  return out;
}

status check_object(const std::string& path, const json& value, const json& schema) {
  for (const auto& name : schema.value("required", json::array())) {
    if (value.contains(name.get_ref<const std::string&>())) continue;
    return fail(errc::invalid_argument, "{} lacks '{}'", place(path), name.get_ref<const std::string&>());
  }
  const json properties = schema.value("properties", json::object());
  const json others = schema.value("additionalProperties", json(true));
  for (const auto& member : value.items()) {
    const std::string inner = path + "/" + member.key();
    if (properties.contains(member.key())) {
      WEIR_TRY_VOID(check_at(inner, member.value(), properties[member.key()]));
    } else if (others.is_object()) {
      WEIR_TRY_VOID(check_at(inner, member.value(), others));
    } else if (others == false) {
      return with_hint(fail(errc::invalid_argument, "{} has no member '{}'", place(path), member.key()),
                       "it may have: " + names_of(properties));
    }
  }
  return {};
}

const json& alternative(const json& value, const json& choices) {
  for (const auto& choice : choices) {
    const json required = resolve_schema(choice).value("required", json::array());
    const bool fits = std::all_of(required.begin(), required.end(), [&](const json& name) {
      return value.is_object() && value.contains(name.get_ref<const std::string&>());
    });
    if (fits) return choice;
  }
  return choices.back();
}

status check_at(const std::string& path, const json& value, const json& schema) {
  const json& real = resolve_schema(schema);
  if (const auto choices = real.find("anyOf"); choices != real.end()) {
    return check_at(path, value, alternative(value, *choices));
  }
  WEIR_TRY_VOID(check_type(path, value, real));
  if (value.is_string()) return check_text(path, value, real);
  if (value.is_array()) return check_list(path, value, real);
  return value.is_object() ? check_object(path, value, real) : status();
}

}  // namespace

result<json> parse_json(std::string_view text) {
  if (deeper_than(text, max_json_depth)) {
    return fail(errc::invalid_argument, "the JSON is nested deeper than {} levels", max_json_depth);
  }
  try {
    return json::parse(text);
  } catch (const json::exception& e) {
    // "[json.exception.parse_error.101] parse error at line 1, column 3: ..." without the library's name
    const std::string_view what = e.what();
    const auto end = what.find("] ");
    return with_hint(
        fail(errc::parse_error, "the JSON is wrong: {}", end == std::string_view::npos ? what : what.substr(end + 2)),
        "send valid JSON in UTF-8");
  }
}

status check_json(const json& value, const json& schema) { return check_at("", value, schema); }

}  // namespace weir

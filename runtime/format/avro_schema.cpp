#include "runtime/format/avro_schema.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "runtime/excerpt.hpp"

namespace weir {

namespace {

using json = nlohmann::json;

constexpr std::size_t max_text = 1U << 20, max_types = 10'000;
constexpr int max_nesting = 64;
constexpr std::size_t max_fixed = 1U << 20, max_scale = 38;

std::optional<avro_kind> primitive(std::string_view name) {
  static const std::map<std::string_view, avro_kind> kinds{
      {"null", avro_kind::null},   {"boolean", avro_kind::boolean}, {"int", avro_kind::int32},
      {"long", avro_kind::int64},  {"float", avro_kind::float32},   {"double", avro_kind::float64},
      {"bytes", avro_kind::bytes}, {"string", avro_kind::string}};
  const auto it = kinds.find(name);
  return it == kinds.end() ? std::nullopt : std::optional(it->second);
}

std::string text_of(const json& in, const char* name) {
  const auto it = in.find(name);
  return it != in.end() && it->is_string() ? it->get<std::string>() : std::string();
}

std::optional<std::size_t> size_of(const json& in, const char* name) {
  const auto it = in.find(name);
  if (it == in.end() || !it->is_number_unsigned()) return std::nullopt;
  return it->get<std::size_t>();
}

bool has_depth(std::string_view text) {
  int depth = 0, most = 0;
  for (const char c : text) {
    if (c == '{' || c == '[') most = std::max(most, ++depth);
    if (c == '}' || c == ']') --depth;
  }
  return most <= 4 * max_nesting;  // a level of the schema takes up to three of its JSON
}

}  // namespace

class avro_schema_parser {
 public:
  using parsed = result<const avro_type*>;

  explicit avro_schema_parser(avro_schema& to) : to_(to) {}

  parsed read(const json& in, const std::string& space, int depth) {
    if (depth > max_nesting) return fail(errc::limit_exceeded, "an Avro schema nests deeper than {}", max_nesting);
    if (in.is_string()) return named(in.get<std::string>(), space);
    if (in.is_array()) return choice(in, space, depth);
    if (!in.is_object()) return fail(errc::parse_error, "an Avro schema has {} for a type", quoted_excerpt(in.dump()));
    const auto type = in.find("type");
    if (type == in.end()) return fail(errc::parse_error, "a type of an Avro schema has no \"type\"");
    if (!type->is_string()) return read(*type, space, depth + 1);
    const auto word = type->get<std::string>();
    if (word == "record" || word == "error") return record(in, space, depth);
    if (word == "enum") return enumeration(in, space);
    if (word == "fixed") return fixed(in, space);
    if (word == "array" || word == "map") return collection(in, word == "array", space, depth);
    const auto kind = primitive(word);
    if (!kind) return named(word, space);
    WEIR_TRY(made, make(*kind));
    set_logical(in, *made);
    return made;
  }

 private:
  result<avro_type*> make(avro_kind kind) {
    if (to_.types_.size() == max_types)
      return fail(errc::limit_exceeded, "an Avro schema declares more than {} types", max_types);
    to_.types_.push_back({});
    to_.types_.back().kind = kind;
    return &to_.types_.back();
  }

  parsed named(const std::string& name, const std::string& space) {
    if (const auto kind = primitive(name)) {
      WEIR_TRY(made, make(*kind));
      return made;
    }
    const auto it = names_.find(full_name(name, space));
    if (it == names_.end())
      return fail(errc::parse_error, "an Avro schema names the type {}, which it does not declare",
                  quoted_excerpt(name));
    return it->second;
  }

  static std::string full_name(const std::string& name, const std::string& space) {
    return space.empty() || name.find('.') != std::string::npos ? name : space + "." + name;
  }

  // Declares the name; answers the namespace that holds inside.
  result<std::string> declare(const json& in, const std::string& space, const avro_type* type) {
    const auto name = text_of(in, "name");
    if (name.empty()) return fail(errc::parse_error, "a record, enum or fixed of an Avro schema has no name");
    const auto own = in.contains("namespace") ? text_of(in, "namespace") : space;
    const auto full = full_name(name, own);
    if (!names_.emplace(full, type).second)
      return fail(errc::parse_error, "an Avro schema declares {} twice", quoted_excerpt(full));
    const auto dot = full.rfind('.');
    return dot == std::string::npos ? std::string() : full.substr(0, dot);
  }

  parsed choice(const json& in, const std::string& space, int depth) {
    WEIR_TRY(made, make(avro_kind::choice));
    for (const auto& one : in) {
      WEIR_TRY(branch, read(one, space, depth + 1));
      if (branch->kind == avro_kind::choice) return fail(errc::parse_error, "an Avro schema has a union in a union");
      made->branches.push_back(branch);
    }
    if (made->branches.empty()) return fail(errc::parse_error, "an Avro schema has a union of nothing");
    return made;
  }

  parsed record(const json& in, const std::string& space, int depth) {
    WEIR_TRY(made, make(avro_kind::record));
    WEIR_TRY(inside, declare(in, space, made));
    const auto fields = in.find("fields");
    if (fields == in.end() || !fields->is_array())
      return fail(errc::parse_error, "the Avro record {} has no fields", quoted_excerpt(text_of(in, "name")));
    for (const auto& one : *fields) {
      const auto name = one.is_object() ? text_of(one, "name") : std::string();
      if (name.empty() || !one.contains("type"))
        return fail(errc::parse_error, "a field of the Avro record {} has no name or type",
                    quoted_excerpt(text_of(in, "name")));
      WEIR_TRY(type, read(one["type"], inside, depth + 1));
      made->fields.push_back({name, type});
    }
    return made;
  }

  parsed enumeration(const json& in, const std::string& space) {
    WEIR_TRY(made, make(avro_kind::enumeration));
    WEIR_TRY_VOID(declare(in, space, made));
    const auto symbols = in.find("symbols");
    if (symbols == in.end() || !symbols->is_array() || symbols->empty())
      return fail(errc::parse_error, "an Avro enum has no symbols");
    for (const auto& one : *symbols) {
      if (!one.is_string()) return fail(errc::parse_error, "a symbol of an Avro enum is no text");
      made->symbols.push_back(one.get<std::string>());
    }
    return made;
  }

  parsed fixed(const json& in, const std::string& space) {
    WEIR_TRY(made, make(avro_kind::fixed));
    WEIR_TRY_VOID(declare(in, space, made));
    const auto size = size_of(in, "size");
    if (!size || *size > max_fixed)
      return fail(errc::parse_error, "an Avro fixed has no size from 0 to {} bytes", max_fixed);
    made->size = *size;
    set_logical(in, *made);
    return made;
  }

  parsed collection(const json& in, bool is_array, const std::string& space, int depth) {
    const auto* const word = is_array ? "items" : "values";
    WEIR_TRY(made, make(is_array ? avro_kind::array : avro_kind::map));
    if (!in.contains(word)) return fail(errc::parse_error, "an Avro array or map has no \"{}\"", word);
    WEIR_TRY(items, read(in[word], space, depth + 1));
    made->items = items;
    return made;
  }

  // One that is unknown, or stands where it cannot, is left out, as the specification wants.
  static void set_logical(const json& in, avro_type& to) {
    const auto word = text_of(in, "logicalType");
    const bool is_long = to.kind == avro_kind::int64;
    if (word == "date" && to.kind == avro_kind::int32) to.logical = avro_logical::date;
    if (word == "timestamp-millis" && is_long) to.logical = avro_logical::timestamp_millis;
    if (word == "timestamp-micros" && is_long) to.logical = avro_logical::timestamp_micros;
    if (word != "decimal" || (to.kind != avro_kind::bytes && to.kind != avro_kind::fixed)) return;
    const auto scale = in.contains("scale") ? size_of(in, "scale") : std::optional<std::size_t>(0);
    if (!scale || *scale > max_scale) return;
    to.logical = avro_logical::decimal;
    to.scale = *scale;
  }

  avro_schema& to_;
  std::map<std::string, const avro_type*> names_;
};

result<std::shared_ptr<const avro_schema>> avro_schema::parse(std::string_view text) {
  if (text.size() > max_text) return fail(errc::limit_exceeded, "an Avro schema has more than {} bytes", max_text);
  if (!has_depth(text)) return fail(errc::limit_exceeded, "an Avro schema nests deeper than {}", max_nesting);
  const auto in = json::parse(text, nullptr, false);
  // A primitive type may stand for itself, without quotes.
  if (in.is_discarded() && !primitive(text))
    return fail(errc::parse_error, "an Avro schema is no JSON: {}", quoted_excerpt(text));
  auto out = std::make_shared<avro_schema>();
  avro_schema_parser parser(*out);
  const bool is_word = in.is_discarded() || in.is_null();
  const bool has_others = in.is_object() && !in.contains("type") && in.contains("root") && in.contains("types");
  if (has_others)
    for (const auto& one : in["types"]) WEIR_TRY_VOID(parser.read(one, {}, 0));
  WEIR_TRY(root, parser.read(is_word ? json(std::string(text)) : has_others ? in["root"] : in, {}, 0));
  out->root_ = root;
  return std::shared_ptr<const avro_schema>(std::move(out));
}

namespace {

bool same_to(const avro_type& a, const avro_type& b, int depth) {
  if (depth > max_nesting || a.kind != b.kind || a.logical != b.logical || a.size != b.size || a.scale != b.scale ||
      a.symbols != b.symbols)
    return false;
  if ((a.items == nullptr) != (b.items == nullptr)) return false;
  if (a.items != nullptr && !same_to(*a.items, *b.items, depth + 1)) return false;
  const auto same_field = [&](const avro_type::field& x, const avro_type::field& y) {
    return x.name == y.name && same_to(*x.type, *y.type, depth + 1);
  };
  const auto same_branch = [&](const avro_type* x, const avro_type* y) { return same_to(*x, *y, depth + 1); };
  return std::ranges::equal(a.fields, b.fields, same_field) && std::ranges::equal(a.branches, b.branches, same_branch);
}

}  // namespace

bool same_data(const avro_type& a, const avro_type& b) { return same_to(a, b, 0); }

}  // namespace weir

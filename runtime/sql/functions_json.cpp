#include <fmt/format.h>
#include <simdjson.h>

#include "runtime/sql/function_table.hpp"
#include "runtime/sql/kernel_loops.hpp"

namespace weir {
namespace {

using int64 = std::int64_t;
using view = std::string_view;
using text_result = row_result<std::string>;
namespace json = simdjson::ondemand;

// The bytes of a value as they stand in the document.
simdjson::error_code raw_text(json::value value, view& out) {
  json::json_type type{};
  if (auto failed = value.type().get(type)) return failed;
  if (type == json::json_type::object || type == json::json_type::array) {
    if (type == json::json_type::object) {
      json::object object;
      if (auto failed = value.get_object().get(object)) return failed;
      return object.raw_json().get(out);
    }
    json::array array;
    if (auto failed = value.get_array().get(array)) return failed;
    return array.raw_json().get(out);
  }
  out = value.raw_json_token();
  while (!out.empty() && static_cast<unsigned char>(out.back()) <= ' ') out.remove_suffix(1);
  return simdjson::SUCCESS;
}

// One thread's parser, and the padded copy of the document that it reads.
class document_reader {
 public:
  simdjson::error_code open(view text) {
    bytes_.assign(text);
    bytes_.append(simdjson::SIMDJSON_PADDING, '\0');
    return parser_.iterate(bytes_.data(), text.size(), bytes_.size()).get(document_);
  }
  json::document& document() { return document_; }

  // The last field of the name, as PostgreSQL; empty view: none, or no object.
  simdjson::error_code find_field(view name, view& out) {
    json::json_type type{};
    if (auto failed = document_.type().get(type)) return failed;
    if (type != json::json_type::object) return simdjson::SUCCESS;
    json::object object;
    if (auto failed = document_.get_object().get(object)) return failed;
    for (auto member : object) {
      json::field field;
      if (auto failed = std::move(member).get(field)) return failed;
      view key;
      if (auto failed = field.unescaped_key().get(key)) return failed;
      if (key != name) continue;
      if (auto failed = raw_text(field.value(), out)) return failed;
    }
    return simdjson::SUCCESS;
  }

  simdjson::error_code find_element(int64 index, view& out) {
    json::json_type type{};
    if (auto failed = document_.type().get(type)) return failed;
    if (type != json::json_type::array) return simdjson::SUCCESS;
    json::array array;
    if (auto failed = document_.get_array().get(array)) return failed;
    if (index < 0) {
      std::size_t count = 0;
      if (auto failed = array.count_elements().get(count)) return failed;
      index += static_cast<int64>(count);
      if (index < 0) return simdjson::SUCCESS;
    }
    for (auto element : array) {
      json::value value;
      if (auto failed = std::move(element).get(value)) return failed;
      if (index-- == 0) return raw_text(value, out);
    }
    return simdjson::SUCCESS;
  }

 private:
  json::parser parser_;
  json::document document_;
  std::string bytes_;
};

document_reader& reader() {
  thread_local document_reader instance;
  return instance;
}

void invalid(text_result& out, simdjson::error_code failed) {
  out.fail(fmt::format("invalid json: {}", simdjson::error_message(failed)));
}

// A JSON value as ->> answers it: texts without their quotes, null as null.
void unquote(text_result& out, view raw) {
  if (raw == "null") return out.set_null();
  if (raw.empty() || raw.front() != '"') {
    out.value = raw;
    return;
  }
  const std::string copy(raw);
  view text;
  auto failed = reader().open(copy);
  if (!failed) failed = reader().document().get_string().get(text);
  if (failed) return invalid(out, failed);
  out.value = text;
}

void answer(text_result& out, simdjson::error_code failed, view raw, bool as_text) {
  if (failed) return invalid(out, failed);
  if (raw.empty()) return out.set_null();
  if (as_text) return unquote(out, raw);
  out.value = raw;
}

template <bool AsText>
void get_field(text_result& out, view document, view name) {
  view raw;
  auto failed = reader().open(document);
  if (!failed) failed = reader().find_field(name, raw);
  answer(out, failed, raw, AsText);
}

template <bool AsText>
void get_element(text_result& out, view document, int64 index) {
  view raw;
  auto failed = reader().open(document);
  if (!failed) failed = reader().find_element(index, raw);
  answer(out, failed, raw, AsText);
}

void json_typeof(text_result& out, view document) {
  json::json_type type{};
  auto failed = reader().open(document);
  if (!failed) failed = reader().document().type().get(type);
  if (failed) return invalid(out, failed);
  switch (type) {
    case json::json_type::array: out.value = "array"; return;
    case json::json_type::object: out.value = "object"; return;
    case json::json_type::number: out.value = "number"; return;
    case json::json_type::string: out.value = "string"; return;
    case json::json_type::boolean: out.value = "boolean"; return;
    default: out.value = "null"; return;
  }
}

}  // namespace

void add_json_functions(std::vector<scalar_function>& table) {
  constexpr auto type = data_type::json;
  constexpr auto text = data_type::text;
  constexpr auto bigint = data_type::bigint;
  using string = std::string;
  table.push_back({"->", {type, text}, type, true, row_kernel<string, view, view>(type, get_field<false>)});
  table.push_back({"->", {type, bigint}, type, true, row_kernel<string, view, int64>(type, get_element<false>)});
  table.push_back({"->>", {type, text}, text, true, row_kernel<string, view, view>(text, get_field<true>)});
  table.push_back({"->>", {type, bigint}, text, true, row_kernel<string, view, int64>(text, get_element<true>)});
  for (const auto* name : {"json_typeof", "jsonb_typeof"})
    table.push_back({name, {type}, text, true, row_kernel<string, view>(text, json_typeof)});
}

}  // namespace weir

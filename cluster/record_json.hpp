// JSON of control records, for cluster/ only.
#pragma once

#include <nlohmann/json.hpp>

#include "cluster/control_state.hpp"

namespace weir {

inline std::optional<run_state> run_state_from(std::string_view text) {
  for (const run_state s : {run_state::running, run_state::paused, run_state::quarantined}) {
    if (text == to_string(s)) return s;
  }
  return std::nullopt;
}

// Reads the fields of one record; after the first that is missing or of another type, `ok` is false.
class record_reader {
  using json = nlohmann::json;

 public:
  explicit record_reader(const std::optional<std::string>& value)
      : record_(json::parse(value.value_or(""), nullptr, false)), ok_(record_.is_object()) {}

  bool ok() const { return ok_; }
  bool has(const char* field) const { return find(field) != nullptr; }
  bool removed() { return ok_ && record_.contains("removed") && flag("removed"); }

  std::string text(const char* field) {
    const json* at = find(field);
    if (!expect(at && at->is_string())) return {};
    return at->get<std::string>();
  }
  bool flag(const char* field) {
    const json* at = find(field);
    return expect(at && at->is_boolean()) && at->get<bool>();
  }
  std::uint64_t number(const char* field, std::uint64_t maximum = std::numeric_limits<std::uint64_t>::max()) {
    const json* at = find(field);
    if (!expect(at && at->is_number_unsigned() && at->get<std::uint64_t>() <= maximum)) return 0;
    return at->get<std::uint64_t>();
  }
  std::int64_t whole(const char* field) {
    const json* at = find(field);
    if (!expect(at && at->is_number_integer())) return 0;
    return at->get<std::int64_t>();
  }
  run_state state(const char* field) {
    const std::optional<run_state> s = run_state_from(text(field));
    return expect(s.has_value()) ? *s : run_state::running;
  }
  std::map<std::string, std::string> texts(const char* field) { return texts_of(find(field)); }
  // None where the field is missing: records were written without it once.
  std::map<std::string, std::string> texts_or_none(const char* field) {
    const json* at = find(field);
    return at == nullptr ? std::map<std::string, std::string>() : texts_of(at);
  }
  std::map<std::string, std::map<std::string, std::string>> texts_by_name(const char* field) {
    std::map<std::string, std::map<std::string, std::string>> out;
    const json* at = find(field);
    if (at == nullptr) return out;
    if (!expect(at->is_object())) return out;
    for (const auto& [name, values] : at->items()) out.emplace(name, texts_of(&values));
    return out;
  }

 private:
  std::map<std::string, std::string> texts_of(const json* at) {
    std::map<std::string, std::string> out;
    if (!expect(at && at->is_object())) return out;
    for (const auto& [name, value] : at->items()) {
      if (!expect(value.is_string())) return out;
      out.emplace(name, value.get<std::string>());
    }
    return out;
  }
  const json* find(const char* field) const {
    if (!ok_) return nullptr;
    const auto it = record_.find(field);
    return it == record_.end() ? nullptr : &*it;
  }
  bool expect(bool condition) { return ok_ = ok_ && condition; }

  json record_;
  bool ok_;
};

// Bytes that are no UTF-8 (they can only come from an error's text) become U+FFFD instead of an exception.
inline std::string dump(const nlohmann::json& record) {
  return record.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace weir

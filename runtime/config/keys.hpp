// Every key of config.toml, described once: parsing, error messages and the documented file are made from this table.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "runtime/config/config.hpp"

namespace weir {

enum class key_type : std::uint8_t {
  text,      // minimum and maximum bound its length in bytes
  name,      // text of [A-Za-z0-9_-], bounded likewise
  choice,    // one of `choices`
  boolean,   //
  integer,   //
  duration,  // '100 ms'; microseconds
  size,      // '16 MiB'; bytes
  texts,     // a list of texts; maximum bounds their number
};

// Where a key's value lives.
using key_place = std::variant<std::int64_t& (*)(config&), bool& (*)(config&), std::string& (*)(config&),
                               std::vector<std::string>& (*)(config&)>;

struct config_key {
  std::string_view section;  // "node", "sources.file"
  std::string_view name;
  key_type type;
  key_place place;
  std::int64_t minimum, maximum;
  std::string_view unit;  // of an integer; else empty
  std::vector<std::string_view> choices;
  std::string_view description;
};

// The sections in the order of the file, each with its description.
struct config_section {
  std::string_view name;
  std::string_view description;
};
std::span<const config_section> config_sections();
std::span<const config_key> config_keys();

// The key's default as TOML: 4, "100 ms", false, [].
std::string default_of(const config_key& key);
// What is allowed, for people: "1 to 256", "'1 ms' to '1 hour'", "text or json".
std::string allowed_of(const config_key& key);
// The comment lines above a key in the documented file.
std::string comment_of(const config_key& key);

}  // namespace weir

// What a row looks like: named, typed fields in a fixed order.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

enum class data_type : std::uint8_t {
  boolean,           // 0 or 1
  bigint,            // 64-bit signed; smallint and integer are stored as bigint
  double_precision,  // IEEE 754 binary64; real is stored as double precision
  text,              // valid UTF-8
  timestamptz,       // microseconds since 1970-01-01T00:00:00Z
  interval,          // microseconds; months and years are refused, they have no fixed length
  json,              // valid JSON text
  bytea,             // any bytes
};

std::string_view to_string(data_type type);

// True for the types that a column keeps in `chars`.
constexpr bool is_text_like(data_type t) {
  return t == data_type::text || t == data_type::json || t == data_type::bytea;
}

struct field {
  std::string name;
  data_type type = data_type::text;
  bool not_null = false;

  bool operator==(const field&) const = default;
};

struct schema {
  std::vector<field> fields;

  std::optional<std::size_t> find(std::string_view name) const;
  bool operator==(const schema&) const = default;
};

using schema_ptr = std::shared_ptr<const schema>;

}  // namespace weir

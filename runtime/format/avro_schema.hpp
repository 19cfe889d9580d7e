// An Avro schema (1.11), parsed from its JSON: what a writer's bytes mean.
//
// Nothing of it is believed before it was checked: a name that is not declared, a text that nests deeper or declares
// more than Avro's users ever need, is an error. A type may contain itself; readers limit how deep they go.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/result.hpp"

namespace weir {

enum class avro_kind : std::uint8_t {
  null,
  boolean,
  int32,
  int64,
  float32,
  float64,
  bytes,
  string,
  fixed,
  enumeration,
  array,
  map,
  choice,  // a union
  record,
};

enum class avro_logical : std::uint8_t { none, date, timestamp_millis, timestamp_micros, decimal };

struct avro_type {
  struct field {
    std::string name;
    const avro_type* type = nullptr;
  };
  avro_kind kind = avro_kind::null;
  avro_logical logical = avro_logical::none;
  std::size_t size = 0;                    // fixed
  std::size_t scale = 0;                   // decimal
  std::vector<std::string> symbols;        // enumeration
  std::vector<field> fields;               // record
  std::vector<const avro_type*> branches;  // choice
  const avro_type* items = nullptr;        // array, map
};

class avro_schema {
 public:
  // A schema, or one that is made of others with those: {"types": [those, each behind what it needs], "root": the
  // schema}. errc::parse_error, limit_exceeded.
  static result<std::shared_ptr<const avro_schema>> parse(std::string_view text);

  const avro_type& root() const { return *root_; }

 private:
  friend class avro_schema_parser;
  std::deque<avro_type> types_;
  const avro_type* root_ = nullptr;
};

// Whether data of the one are data of the other, field by field; names of types do not matter. One of
// them must not contain itself.
bool same_data(const avro_type& a, const avro_type& b);

}  // namespace weir

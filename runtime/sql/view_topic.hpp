// What a view writes to a topic for others, by its plan.
#pragma once

#include "runtime/format/row_encoder.hpp"
#include "runtime/sql/plan.hpp"

namespace weir {

// A table of one row has no key columns; in a compacted topic it needs a key all the same: the view's name, in
// Avro in a column "view" (a record without bytes is none to Confluent's readers).
inline bool has_topic_keys(const view_plan& plan) {
  return !plan.key_columns.empty() || plan.kind == view_kind::upsert;
}

schema_ptr topic_key_columns(const view_plan& plan);

struct topic_encoders {
  std::unique_ptr<row_encoder> value;
  std::unique_ptr<row_encoder> key;  // none: its records have no keys
};
// corrupt where numbers of schemas are missing in the plan; else as make_row_encoder().
result<topic_encoders> make_topic_encoders(const view_plan& plan);

}  // namespace weir

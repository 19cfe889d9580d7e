// Rows as Avro, for topics that others read: the schema that columns have, and data of it.
#pragma once

#include <string>
#include <string_view>

#include "runtime/batch/column.hpp"
#include "runtime/result.hpp"

namespace weir {

// The JSON of a record of namespace weir with a field per column, in their order:
//   boolean boolean, bigint long, double precision double, text string, bytea bytes,
//   timestamptz long (timestamp-micros), json and interval string, as weir's JSON writes them.
// A column that may be null is a union with null, which is its default: so it may come later, or go.
// invalid_argument for a column whose name Avro cannot have.
result<std::string> avro_schema_of(const schema& columns, std::string_view record_name);

// One row as a datum of that schema.
void append_avro_row(std::string& out, const record_batch& rows, std::size_t row);

}  // namespace weir

// The decoders behind make_record_decoder(), one per format.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "runtime/format/format_options.hpp"
#include "runtime/format/record_decoder.hpp"

namespace weir {

using decoder_ptr = std::unique_ptr<record_decoder>;

// One JSON object a record. Where a name occurs twice, the first counts. validate_all = false stops at the last column
// that it needs.
decoder_ptr make_json_decoder(const format_options& options, schema_ptr columns_schema, bool validate_all);
// RFC 4180. `header` is the header line; invalid_argument when it names a column twice or is none.
result<decoder_ptr> make_csv_decoder(const format_options& options, schema_ptr columns_schema, std::string_view header);
// NOAA's fixed-width Integrated Surface Database, under the names and in the texts of NOAA's global-hourly CSV.
decoder_ptr make_isd_decoder(schema_ptr columns_schema);
// Avro's binary encoding. `writer_schema`: the JSON of the schema that the records were written with, a record.
result<decoder_ptr> make_avro_decoder(const format_options& options, schema_ptr columns_schema,
                                      std::string_view writer_schema);
// Messages of Protobuf, of the type that the options name.
result<decoder_ptr> make_protobuf_decoder(const format_options& options, schema_ptr columns_schema);
// By way of JSON: each record becomes an object, of which the JSON decoder makes columns. One set of conversions and of
// reasons for all that is no text.
using json_conversion = std::function<status(std::string_view record, std::string& json)>;
decoder_ptr make_converting_decoder(const format_options& options, schema_ptr columns_schema, json_conversion convert);
// invalid_argument when a NOT NULL column is none that ISD has.
status check_isd_schema(const schema& columns_schema);

// Common to all decoders: gives a new batch its space. Growing one that has rows is left to the vectors, since exact
// reservations, call by call, would copy the batch each time.
void reserve_rows(batch_builder& out, std::size_t count);

}  // namespace weir

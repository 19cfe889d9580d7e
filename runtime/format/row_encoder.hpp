// Rows to records of a topic that others read, in the format that its view declares.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "runtime/batch/column.hpp"
#include "runtime/format/format_options.hpp"
#include "runtime/result.hpp"

namespace weir {

class row_encoder {
 public:
  virtual ~row_encoder() = default;
  virtual void append(std::string& out, const record_batch& rows, std::size_t row) const = 0;
};

// Formats and options:
//   json  an object a row, as append_json_row() writes it
//   csv   delimiter = one character (','); the cells of a row without header and line's end
//   avro  compatibility = a level of Confluent's; a datum of the schema that the columns have, in Confluent's framing
//   protobuf  descriptors, message, framing as of what is read (record_decoder.hpp), compatibility with framing
// invalid_argument for another format, an option that it does not know, a value that it cannot have, or columns that
// the format cannot have.
status check_row_format(const format_spec& spec, const schema& columns);

// The format of the keys of such rows: of Protobuf JSON, since its message is the rows'.
format_spec key_format_of(const format_spec& spec);

// As above. Formats with a schema need what was settled: corrupt without. Used by one thread at a time.
result<std::unique_ptr<row_encoder>> make_row_encoder(const format_spec& spec, schema_ptr columns);

// Confluent's framing: a zero byte, the schema's number in four bytes, the datum.
inline constexpr std::size_t schema_frame_bytes = 5;
void append_schema_frame(std::string& out, std::uint32_t id);

}  // namespace weir

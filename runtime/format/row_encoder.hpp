// Rows to records of a topic that others read, in the format that its view declares.
#pragma once

#include <memory>
#include <string>

#include "runtime/batch/column.hpp"
#include "runtime/format/record_decoder.hpp"
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
// invalid_argument for another format, an option that it does not know, or a value that it cannot have.
result<std::unique_ptr<row_encoder>> make_row_encoder(const format_spec& spec, schema_ptr columns);

}  // namespace weir

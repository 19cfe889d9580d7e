// Rows as messages of Protobuf.
#pragma once

#include "runtime/batch/column.hpp"
#include "runtime/format/protobuf_type.hpp"

namespace weir {

// Used by one thread at a time.
class protobuf_writer {
 public:
  // Columns go to the fields of their names, and each must hold whatever its column may:
  //   boolean bool, bigint int64 (sint64, sfixed64), double precision double, text, json and interval string,
  //   bytea bytes, timestamptz google.protobuf.Timestamp or int64 (microseconds), interval google.protobuf.Duration,
  //   and google.protobuf's wrappers of these. A null is a field that is not written, so readers see its default where
  //   it has no presence.
  // invalid_argument names the column or the required field that does not fit.
  static result<std::unique_ptr<protobuf_writer>> make(std::shared_ptr<const protobuf_type> type,
                                                       const schema& columns);
  ~protobuf_writer();
  protobuf_writer(const protobuf_writer&) = delete;
  protobuf_writer& operator=(const protobuf_writer&) = delete;

  void append(std::string& out, const record_batch& rows, std::size_t row);

 private:
  struct work;
  explicit protobuf_writer(std::unique_ptr<work> w);
  std::unique_ptr<work> work_;
};

}  // namespace weir

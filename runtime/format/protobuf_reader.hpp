// Messages of Protobuf as JSON.
#pragma once

#include "runtime/batch/schema.hpp"
#include "runtime/format/protobuf_type.hpp"

namespace weir {

// Used by one thread at a time.
class protobuf_reader {
 public:
  // `only`: leaves out fields of the message itself that are no columns of it; none: nothing.
  explicit protobuf_reader(std::shared_ptr<const protobuf_type> type, const schema* only = nullptr);
  ~protobuf_reader();
  protobuf_reader(const protobuf_reader&) = delete;
  protobuf_reader& operator=(const protobuf_reader&) = delete;

  // A message as a JSON object under its fields' own names, in their order. A field that was not written is left out
  // where that can be told, else it is its default; repeated fields are arrays, maps objects in the order of their
  // keys, 64-bit numbers numbers, bytes \x and hex digits as text, enums the names of their values (a number as text,
  // where it has none), Timestamp an ISO text, Duration an interval; Struct and wrappers are what they hold.
  // parse_error; limit_exceeded (a bomb: nested deeper than 64, or more than 1 MiB and 256 bytes of memory or JSON for
  // each of its own).
  status to_json(std::string_view message, std::string& out);

 private:
  struct work;
  std::shared_ptr<const protobuf_type> type_;
  std::unique_ptr<work> work_;
};

}  // namespace weir

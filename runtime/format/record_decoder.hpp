// Original bytes to columns. A stream names its format and options (CREATE TABLE ... WITH); a source may name another.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/batch/column.hpp"
#include "runtime/result.hpp"

namespace weir {

// Records as they arrived, one behind the other. `padding` readable bytes always follow the last one (simdjson reads
// past a record's end).
class raw_records {
 public:
  static constexpr std::size_t padding = 64;

  void append(std::string_view record);
  void clear();
  std::size_t size() const { return ends_.size(); }
  std::size_t byte_count() const { return ends_.empty() ? 0 : ends_.back(); }
  std::string_view operator[](std::size_t i) const {
    const std::size_t begin = i == 0 ? 0 : ends_[i - 1];
    return {bytes_.data() + from_ + begin, ends_[i] - begin};
  }
  // How many readable bytes stand from the record's first byte on, padding included.
  std::size_t readable_from(std::size_t i) const {
    const std::size_t begin = i == 0 ? 0 : ends_[i - 1];
    return bytes_.size() - from_ - begin;
  }
  std::string_view all_bytes() const { return {bytes_.data() + from_, byte_count()}; }
  const std::vector<std::uint32_t>& ends() const { return ends_; }
  // Takes over already contiguous records: the reader of a stored batch. They stand in `bytes` from `from` on; `ends`
  // ascend, the last one is at most bytes.size() - from; the caller has checked that. Nothing is copied where `bytes`
  // has room for the padding.
  static raw_records adopt(std::string bytes, std::size_t from, std::vector<std::uint32_t> ends);

 private:
  std::string bytes_ = std::string(padding, '\0');  // from from_ on: records, then the padding
  std::size_t from_ = 0;
  std::vector<std::uint32_t> ends_;
};

struct decode_failure {
  std::uint32_t record = 0;  // index into the raw_records
  std::string reason;        // names the field, what was found and what was expected
};

// Which format, and its options. Names: json, ndjson (as json: one object a record), csv, isd, raw, avro, protobuf.
struct format_spec {
  std::string name;
  std::map<std::string, std::string> options;

  bool operator==(const format_spec&) const = default;
};

// Options per format, all texts:
//   json, ndjson  timestamps = iso | s | ms | us   how a JSON number in a timestamptz column is read (iso: refused)
//   avro          timestamps as above
//   csv           delimiter = one character (','), timestamps as above; the header is the source's context
//   isd           none
//   raw           none; the schema must have exactly one text or bytea column
//   protobuf      descriptors = a file's name, message = the full name of a type in it, framing = none | confluent
// Where a JSON object names a field twice, the first counts.
class record_decoder {
 public:
  virtual ~record_decoder() = default;
  // Decodes records [first, first + count). Each record becomes a row of `out` (its index goes to `decoded`), or a
  // failure. Never throws, never aborts, whatever the bytes.
  virtual void decode(const raw_records& records, std::size_t first, std::size_t count, batch_builder& out,
                      std::vector<std::uint32_t>& decoded, std::vector<decode_failure>& failures) = 0;
};

// context: what a source's records need beside themselves (CSV: the header line; Avro: the writer's schema; else
// empty). validate_all: also validate what the schema does not name (ingest); false for bytes that ingest has accepted
// (replay).
result<std::unique_ptr<record_decoder>> make_record_decoder(const format_spec& spec, schema_ptr columns_schema,
                                                            std::string_view context, bool validate_all);

// Checks name and options before anything is stored; the error names the unknown option and the known ones.
status check_format(const format_spec& spec, const schema& columns_schema);

}  // namespace weir

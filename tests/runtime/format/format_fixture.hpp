// Decodes texts with a format, for the tests of this folder.
#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/format/record_decoder.hpp"

namespace weir {

inline schema_ptr make_schema(std::vector<field> fields) {
  return std::make_shared<const schema>(schema{std::move(fields)});
}

struct decode_outcome {
  record_batch rows;
  std::vector<std::uint32_t> decoded;
  std::vector<decode_failure> failures;
};

inline decode_outcome decode_with(record_decoder& decoder, const schema_ptr& columns_schema,
                                  const raw_records& records) {
  decode_outcome out;
  batch_builder builder(columns_schema);
  decoder.decode(records, 0, records.size(), builder, out.decoded, out.failures);
  out.rows = builder.finish();
  REQUIRE(out.rows.rows == out.decoded.size());
  REQUIRE(out.decoded.size() + out.failures.size() == records.size());
  for (const auto& c : out.rows.columns) REQUIRE(c->size() == out.rows.rows);
  return out;
}

inline decode_outcome decode_texts(const format_spec& spec, const schema_ptr& columns_schema,
                                   const std::vector<std::string>& texts, std::string_view context = {},
                                   bool validate_all = true) {
  raw_records records;
  for (const auto& t : texts) records.append(t);
  auto decoder = make_record_decoder(spec, columns_schema, context, validate_all);
  REQUIRE(decoder);
  return decode_with(**decoder, columns_schema, records);
}

// The reason why this one record is refused; empty when it is not.
inline std::string refusal(const format_spec& spec, const schema_ptr& columns_schema, const std::string& text,
                           std::string_view context = {}, bool validate_all = true) {
  const auto out = decode_texts(spec, columns_schema, {text}, context, validate_all);
  return out.failures.empty() ? "" : out.failures[0].reason;
}

}  // namespace weir

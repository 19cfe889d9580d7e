#include "runtime/format/record_decoder.hpp"

#include "runtime/format/decoders.hpp"
#include "runtime/format/format_options.hpp"

namespace weir {
namespace {

// The whole record into the schema's only column.
class raw_decoder final : public record_decoder {
 public:
  explicit raw_decoder(const field& only) : field_(only) {}

  void decode(const raw_records& records, std::size_t first, std::size_t count, batch_builder& out,
              std::vector<std::uint32_t>& decoded, std::vector<decode_failure>& failures) override {
    reserve_rows(out, count);
    for (std::size_t i = first; i < first + count; ++i) {
      const std::string_view record = records[i];
      if (field_.type == data_type::text && !is_valid_utf8(record)) {
        failures.push_back({static_cast<std::uint32_t>(i), fmt::format("field '{}': expected text in UTF-8, found {}",
                                                                       field_.name, quoted_excerpt(record))});
        continue;
      }
      out.at(0).push_text(record);
      out.row_done();
      decoded.push_back(static_cast<std::uint32_t>(i));
    }
  }

 private:
  field field_;
};

status check_raw_schema(const schema& columns_schema) {
  const auto& fields = columns_schema.fields;
  if (fields.size() == 1 && (fields[0].type == data_type::text || fields[0].type == data_type::bytea)) return {};
  return with_hint(fail(errc::invalid_argument, "format raw needs exactly one text or bytea column, the schema has {}",
                        fields.size() == 1 ? fmt::format("one of type {}", to_string(fields[0].type))
                                           : std::to_string(fields.size())),
                   "declare one column, for example: line text");
}

}  // namespace

void raw_records::append(std::string_view record) {
  bytes_.resize(from_ + byte_count());
  bytes_.append(record);
  ends_.push_back(static_cast<std::uint32_t>(bytes_.size() - from_));
  bytes_.append(padding, '\0');
}

void raw_records::clear() {
  bytes_.assign(padding, '\0');
  from_ = 0;
  ends_.clear();
}

raw_records raw_records::adopt(std::string bytes, std::size_t from, std::vector<std::uint32_t> ends) {
  raw_records out;
  out.ends_ = std::move(ends);
  out.bytes_ = std::move(bytes);
  out.from_ = from;
  out.bytes_.resize(from + out.byte_count());
  out.bytes_.resize(from + out.byte_count() + padding);
  return out;
}

void reserve_rows(batch_builder& out, std::size_t count) {
  if (out.rows() != 0) return;
  for (std::size_t i = 0; i < out.columns_schema().fields.size(); ++i) out.at(i).reserve(count);
}

status check_format(const format_spec& spec, const schema& columns_schema) {
  WEIR_TRY(options, read_format_options(spec));
  if (options.kind == format_kind::raw) return check_raw_schema(columns_schema);
  if (options.kind == format_kind::isd) return check_isd_schema(columns_schema);
  return {};
}

result<std::unique_ptr<record_decoder>> make_record_decoder(const format_spec& spec, schema_ptr columns_schema,
                                                            std::string_view context, bool validate_all) {
  WEIR_TRY_VOID(check_format(spec, *columns_schema));
  WEIR_TRY(options, read_format_options(spec));
  switch (options.kind) {
    case format_kind::json: return make_json_decoder(options, std::move(columns_schema), validate_all);
    case format_kind::csv: return make_csv_decoder(options, std::move(columns_schema), context);
    case format_kind::isd: return make_isd_decoder(std::move(columns_schema));
    case format_kind::avro: return make_avro_decoder(options, std::move(columns_schema), context);
    case format_kind::protobuf: return make_protobuf_decoder(options, std::move(columns_schema));
    case format_kind::raw: break;
  }
  return std::make_unique<raw_decoder>(columns_schema->fields[0]);
}

}  // namespace weir

// Avro by way of JSON: the datum becomes a JSON object, the JSON decoder makes columns of it. One set of conversions
// and of reasons for both.
#include "runtime/format/avro_datum.hpp"
#include "runtime/format/decoders.hpp"

namespace weir {

namespace {

class avro_decoder final : public record_decoder {
 public:
  avro_decoder(const format_options& options, schema_ptr columns_schema, std::shared_ptr<const avro_schema> writer)
      : writer_(std::move(writer)), json_(make_json_decoder(options, std::move(columns_schema), false)) {}

  // One at a time: a small record may become a large text.
  void decode(const raw_records& records, std::size_t first, std::size_t count, batch_builder& out,
              std::vector<std::uint32_t>& decoded, std::vector<decode_failure>& failures) override {
    reserve_rows(out, count);
    for (std::size_t i = first; i < first + count; ++i) {
      const auto index = static_cast<std::uint32_t>(i);
      text_.clear();
      if (const auto good = avro_to_json(writer_->root(), records[i], text_); !good) {
        failures.push_back({index, good.error().text()});
        continue;
      }
      one_.clear();
      one_.append(text_);
      rows_.clear();
      refused_.clear();
      json_->decode(one_, 0, 1, out, rows_, refused_);
      if (refused_.empty())
        decoded.push_back(index);
      else
        failures.push_back({index, std::move(refused_.front().reason)});
    }
  }

 private:
  std::shared_ptr<const avro_schema> writer_;
  decoder_ptr json_;
  std::string text_;
  raw_records one_;
  std::vector<std::uint32_t> rows_;
  std::vector<decode_failure> refused_;
};

}  // namespace

result<decoder_ptr> make_avro_decoder(const format_options& options, schema_ptr columns_schema,
                                      std::string_view writer_schema) {
  if (writer_schema.empty())
    return with_hint(fail(errc::invalid_argument, "Avro records need the schema that they were written with"),
                     "read them with a source of connector kafka");
  WEIR_TRY(writer, avro_schema::parse(writer_schema));
  if (writer->root().kind != avro_kind::record)
    return fail(errc::unsupported, "the Avro schema is no record, so it has no columns");
  return std::make_unique<avro_decoder>(options, std::move(columns_schema), std::move(writer));
}

}  // namespace weir

#include "runtime/format/decoders.hpp"

namespace weir {

namespace {

class converting_decoder final : public record_decoder {
 public:
  converting_decoder(const format_options& options, schema_ptr columns_schema, json_conversion convert)
      : convert_(std::move(convert)), json_(make_json_decoder(options, std::move(columns_schema), false)) {}

  // One at a time: a small record may become a large text.
  void decode(const raw_records& records, std::size_t first, std::size_t count, batch_builder& out,
              std::vector<std::uint32_t>& decoded, std::vector<decode_failure>& failures) override {
    reserve_rows(out, count);
    for (std::size_t i = first; i < first + count; ++i) {
      const auto index = static_cast<std::uint32_t>(i);
      text_.clear();
      if (const auto good = convert_(records[i], text_); !good) {
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
  json_conversion convert_;
  decoder_ptr json_;
  std::string text_;
  raw_records one_;
  std::vector<std::uint32_t> rows_;
  std::vector<decode_failure> refused_;
};

}  // namespace

decoder_ptr make_converting_decoder(const format_options& options, schema_ptr columns_schema, json_conversion convert) {
  return std::make_unique<converting_decoder>(options, std::move(columns_schema), std::move(convert));
}

}  // namespace weir

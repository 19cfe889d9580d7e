#include "runtime/format/row_encoder.hpp"

#include "runtime/excerpt.hpp"
#include "runtime/format/csv_writer.hpp"
#include "runtime/format/format_options.hpp"
#include "runtime/format/json_writer.hpp"

namespace weir {

namespace {

class json_encoder final : public row_encoder {
 public:
  void append(std::string& out, const record_batch& rows, std::size_t row) const override {
    append_json_row(out, rows, row);
  }
};

class csv_encoder final : public row_encoder {
 public:
  explicit csv_encoder(char delimiter) : delimiter_(delimiter) {}

  void append(std::string& out, const record_batch& rows, std::size_t row) const override {
    append_csv_row(out, rows, row, delimiter_);
    out.resize(out.size() - line_end);
  }

 private:
  static constexpr std::size_t line_end = 2;
  char delimiter_;
};

}  // namespace

result<std::unique_ptr<row_encoder>> make_row_encoder(const format_spec& spec, schema_ptr) {
  if (spec.name != "json" && spec.name != "csv")
    return fail(errc::invalid_argument, "rows cannot go out in format {}; known: json, csv", quoted_excerpt(spec.name));
  if (spec.options.contains("timestamps"))
    return fail(errc::invalid_argument, "option timestamps is for what is read; rows go out with ISO times");
  WEIR_TRY(options, read_format_options(spec));
  if (spec.name == "json") return std::make_unique<json_encoder>();
  return std::make_unique<csv_encoder>(options.delimiter);
}

}  // namespace weir

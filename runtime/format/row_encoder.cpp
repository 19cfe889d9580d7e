#include "runtime/format/row_encoder.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "runtime/excerpt.hpp"
#include "runtime/format/avro_rows.hpp"
#include "runtime/format/csv_writer.hpp"
#include "runtime/format/format_options.hpp"
#include "runtime/format/json_writer.hpp"

namespace weir {

namespace {

constexpr std::array<std::string_view, 7> levels{"BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE",
                                                 "FULL",     "FULL_TRANSITIVE",     "NONE"};

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

class avro_encoder final : public row_encoder {
 public:
  explicit avro_encoder(std::uint32_t schema_id) : schema_id_(schema_id) {}

  void append(std::string& out, const record_batch& rows, std::size_t row) const override {
    append_schema_frame(out, schema_id_);
    append_avro_row(out, rows, row);
  }

 private:
  std::uint32_t schema_id_;
};

status check_avro(const format_spec& spec, const schema& columns) {
  for (const auto& [name, value] : spec.options) {
    if (name == schema_id_option || name == key_schema_id_option) continue;
    if (name != "compatibility")
      return fail(errc::invalid_argument, "rows that go out as avro have no option {}", quoted_excerpt(name));
    if (std::ranges::count(levels, value) == 0)
      return fail(errc::invalid_argument, "option compatibility cannot be {}; known: {}", quoted_excerpt(value),
                  fmt::join(levels, ", "));
  }
  WEIR_TRY(made, avro_schema_of(columns, "row"));
  static_cast<void>(made);
  return {};
}

result<std::uint32_t> schema_id_of(const format_spec& spec) {
  const auto it = spec.options.find(schema_id_option);
  std::uint32_t id = 0;
  if (it != spec.options.end()) {
    const auto* const end = it->second.data() + it->second.size();
    if (const auto [at, code] = std::from_chars(it->second.data(), end, id); code == std::errc() && at == end)
      return id;
  }
  return fail(errc::corrupt, "the number of the schema of rows that go out as {} is not known", spec.name);
}

}  // namespace

status check_row_format(const format_spec& spec, const schema& columns) {
  if (spec.name == "avro") return check_avro(spec, columns);
  if (spec.name != "json" && spec.name != "csv")
    return fail(errc::invalid_argument, "rows cannot go out in format {}; known: json, csv, avro",
                quoted_excerpt(spec.name));
  if (spec.options.contains("timestamps"))
    return fail(errc::invalid_argument, "option timestamps is for what is read; rows go out with ISO times");
  WEIR_TRY(options, read_format_options(spec));
  static_cast<void>(options);
  return {};
}

bool has_schema(const format_spec& spec) { return spec.name == "avro"; }

format_spec key_format_of(const format_spec& spec) {
  auto out = spec;
  out.options.erase(schema_id_option);
  if (auto id = out.options.extract(key_schema_id_option); !id.empty()) {
    id.key() = schema_id_option;
    out.options.insert(std::move(id));
  }
  return out;
}

result<std::unique_ptr<row_encoder>> make_row_encoder(const format_spec& spec, schema_ptr columns) {
  WEIR_TRY_VOID(check_row_format(spec, *columns));
  if (spec.name == "avro") {
    WEIR_TRY(id, schema_id_of(spec));
    return std::make_unique<avro_encoder>(id);
  }
  if (spec.name == "json") return std::make_unique<json_encoder>();
  WEIR_TRY(options, read_format_options(spec));
  return std::make_unique<csv_encoder>(options.delimiter);
}

void append_schema_frame(std::string& out, std::uint32_t id) {
  out += '\0';
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(id >> shift);
}

}  // namespace weir

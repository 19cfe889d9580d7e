#include "runtime/format/row_encoder.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "runtime/excerpt.hpp"
#include "runtime/format/avro_rows.hpp"
#include "runtime/format/csv_writer.hpp"
#include "runtime/format/format_options.hpp"
#include "runtime/format/json_writer.hpp"
#include "runtime/format/protobuf_frame.hpp"
#include "runtime/format/protobuf_writer.hpp"

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

class protobuf_encoder final : public row_encoder {
 public:
  protobuf_encoder(std::unique_ptr<protobuf_writer> writer, std::optional<std::uint32_t> schema_id,
                   std::vector<int> path)
      : writer_(std::move(writer)), schema_id_(schema_id), path_(std::move(path)) {}

  void append(std::string& out, const record_batch& rows, std::size_t row) const override {
    if (schema_id_) append_protobuf_frame(out, *schema_id_, path_);
    writer_->append(out, rows, row);
  }

 private:
  std::unique_ptr<protobuf_writer> writer_;
  std::optional<std::uint32_t> schema_id_;  // none: not framed
  std::vector<int> path_;
};

// Takes out what belongs to the schema's number; what is left are the format's own options.
result<format_spec> without_schema_options(const format_spec& spec) {
  auto out = spec;
  for (const auto* settled : {schema_id_option, key_schema_id_option}) out.options.erase(settled);
  const auto level = out.options.extract("compatibility");
  if (!level.empty() && std::ranges::count(levels, level.mapped()) == 0)
    return fail(errc::invalid_argument, "option compatibility cannot be {}; known: {}", quoted_excerpt(level.mapped()),
                fmt::join(levels, ", "));
  return out;
}

status check_avro(const format_spec& spec, const schema& columns) {
  WEIR_TRY(own, without_schema_options(spec));
  if (!own.options.empty())
    return fail(errc::invalid_argument, "rows that go out as avro have no option {}",
                quoted_excerpt(own.options.begin()->first));
  WEIR_TRY(made, avro_schema_of(columns, "row"));
  static_cast<void>(made);
  return {};
}

status check_protobuf(const format_spec& spec) {
  WEIR_TRY(own, without_schema_options(spec));
  WEIR_TRY(options, read_format_options(own));
  if (options.framed || !spec.options.contains("compatibility")) return {};
  return with_hint(
      fail(errc::invalid_argument, "option compatibility is of a schema, which rows without framing have not"),
      "write framing = 'confluent' too, or leave it out");
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

result<std::unique_ptr<row_encoder>> make_protobuf_encoder(const format_spec& spec, const schema& columns) {
  WEIR_TRY(own, without_schema_options(spec));
  WEIR_TRY(options, read_format_options(own));
  if (options.descriptor_set.empty())
    return fail(errc::corrupt, "the descriptors of message {} are not known", options.message);
  WEIR_TRY(type, protobuf_type::parse(options.descriptor_set, options.message));
  std::optional<std::uint32_t> id;
  if (options.framed) {
    WEIR_TRY(number, schema_id_of(spec));
    id = number;
  }
  WEIR_TRY(writer, protobuf_writer::make(type, columns));
  return std::make_unique<protobuf_encoder>(std::move(writer), id, type->path());
}

}  // namespace

status check_row_format(const format_spec& spec, const schema& columns) {
  if (spec.name == "avro") return check_avro(spec, columns);
  if (spec.name == "protobuf") return check_protobuf(spec);
  if (spec.name != "json" && spec.name != "csv")
    return fail(errc::invalid_argument, "rows cannot go out in format {}; known: json, csv, avro, protobuf",
                quoted_excerpt(spec.name));
  if (spec.options.contains("timestamps"))
    return fail(errc::invalid_argument, "option timestamps is for what is read; rows go out with ISO times");
  WEIR_TRY(options, read_format_options(spec));
  static_cast<void>(options);
  return {};
}

format_spec key_format_of(const format_spec& spec) {
  if (spec.name == "protobuf") return {"json", {}};
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
  if (spec.name == "protobuf") return make_protobuf_encoder(spec, *columns);
  if (spec.name == "json") return std::make_unique<json_encoder>();
  WEIR_TRY(options, read_format_options(spec));
  return std::make_unique<csv_encoder>(options.delimiter);
}

void append_schema_frame(std::string& out, std::uint32_t id) {
  out += '\0';
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(id >> shift);
}

}  // namespace weir

#include <algorithm>
#include <optional>
#include <set>

#include "runtime/format/csv_row.hpp"
#include "runtime/format/decoders.hpp"

namespace weir {
namespace {

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string without_outer_blanks(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t") - first + 1));
}

result<std::vector<std::string>> read_header(std::string_view header, char delimiter) {
  if (header.starts_with(byte_order_mark)) header.remove_prefix(byte_order_mark.size());
  while (header.ends_with('\n') || header.ends_with('\r')) header.remove_suffix(1);
  if (header.empty()) return fail(errc::invalid_argument, "format csv needs the file's header line, it is empty");
  if (!is_valid_utf8(header))
    return fail(errc::invalid_argument, "the CSV header is no UTF-8: {}", quoted_excerpt(header));
  std::vector<csv_cell> cells;
  if (const auto split = split_csv_row(header, delimiter, cells); !split)
    return fail(errc::invalid_argument, "the CSV header is malformed: {}", split.error().message);
  std::vector<std::string> names;
  std::set<std::string_view> twice;
  std::string scratch;
  for (const csv_cell& cell : cells) {
    names.push_back(cell.quoted ? std::string(csv_text(cell, scratch)) : without_outer_blanks(cell.raw));
  }
  for (const auto& name : names)
    if (!name.empty() && std::count(names.begin(), names.end(), name) > 1) twice.insert(name);
  if (twice.empty()) return names;
  return fail(errc::invalid_argument, "the CSV header names columns twice: {}", fmt::join(twice, ", "));
}

// The header's cell for a column: by exact name, else by the only name that is equal but for case.
result<std::optional<std::size_t>> find_cell(const std::vector<std::string>& names, const std::string& column_name) {
  const auto exact = std::find(names.begin(), names.end(), column_name);
  if (exact != names.end()) return static_cast<std::size_t>(exact - names.begin());
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (lower_case(names[i]) != lower_case(column_name)) continue;
    if (found)
      return fail(errc::invalid_argument,
                  "column '{}' could be '{}' or '{}' of the CSV header; declare it as one of them", column_name,
                  names[*found], names[i]);
    found = i;
  }
  return found;
}

class csv_decoder final : public record_decoder {
 public:
  csv_decoder(const format_options& options, schema_ptr columns_schema, std::size_t header_cells,
              std::vector<std::optional<std::size_t>> cell_of_column)
      : options_(options),
        schema_(std::move(columns_schema)),
        header_cells_(header_cells),
        cell_of_column_(std::move(cell_of_column)) {}

  void decode(const raw_records& records, std::size_t first, std::size_t count, batch_builder& out,
              std::vector<std::uint32_t>& decoded, std::vector<decode_failure>& failures) override {
    reserve_rows(out, count);
    for (std::size_t i = first; i < first + count; ++i) {
      if (auto row = read_row(records[i], out); row) {
        out.row_done();
        decoded.push_back(static_cast<std::uint32_t>(i));
      } else {
        out.row_failed();
        failures.push_back({static_cast<std::uint32_t>(i), row.error().text()});
      }
    }
  }

 private:
  status read_row(std::string_view record, batch_builder& out) {
    while (record.ends_with('\n') || record.ends_with('\r')) record.remove_suffix(1);
    WEIR_TRY_VOID(split_csv_row(record, options_.delimiter, cells_));
    if (cells_.size() != header_cells_)
      return fail(errc::parse_error, "expected {} cells as in the header, found {}", header_cells_, cells_.size());
    for (std::size_t i = 0; i < cell_of_column_.size(); ++i) {
      if (auto pushed = push_cell(out.at(i), schema_->fields[i], cell_of_column_[i]); !pushed)
        return fail(errc::parse_error, "field '{}': {}", schema_->fields[i].name, pushed.error().text());
    }
    return {};
  }

  status push_cell(column& out, const field& f, std::optional<std::size_t> index) {
    const csv_cell cell = index ? cells_[*index] : csv_cell{};
    if (cell.raw.empty() && !(cell.quoted && f.type == data_type::text)) {
      if (f.not_null)
        return fail(errc::parse_error, "{}", index ? "is empty, but NOT NULL" : "is not in the header, but NOT NULL");
      out.push_null();
      return {};
    }
    return push_text_value(out, csv_text(cell, scratch_), options_.timestamps);
  }

  format_options options_;
  schema_ptr schema_;
  std::size_t header_cells_;
  std::vector<std::optional<std::size_t>> cell_of_column_;
  std::vector<csv_cell> cells_;
  std::string scratch_;
};

}  // namespace

result<decoder_ptr> make_csv_decoder(const format_options& options, schema_ptr columns_schema,
                                     std::string_view header) {
  WEIR_TRY(names, read_header(header, options.delimiter));
  std::vector<std::optional<std::size_t>> cell_of_column;
  for (const field& f : columns_schema->fields) {
    WEIR_TRY(cell, find_cell(names, f.name));
    cell_of_column.push_back(cell);
  }
  return std::make_unique<csv_decoder>(options, std::move(columns_schema), names.size(), std::move(cell_of_column));
}

}  // namespace weir

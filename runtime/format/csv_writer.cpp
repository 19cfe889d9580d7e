#include "runtime/format/csv_writer.hpp"

#include "runtime/format/json_writer.hpp"

namespace weir {
namespace {

// Blanks at the ends are quoted as well: many readers trim cells without quotes.
bool needs_quotes(std::string_view cell, char delimiter) {
  if (cell.empty() || cell.front() == ' ' || cell.back() == ' ') return true;
  for (const char c : cell)
    if (c == '"' || c == '\n' || c == '\r' || c == delimiter) return true;
  return false;
}

// Quotes, where it must be, the cell that stands in `out` from `start` on.
void quote_cell(std::string& out, std::size_t start, char delimiter) {
  if (!needs_quotes(std::string_view(out).substr(start), delimiter)) return;
  const std::string cell = out.substr(start);
  out.resize(start);
  out += '"';
  for (const char c : cell) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

}  // namespace

void append_csv_header(std::string& out, const schema& columns_schema, char delimiter) {
  for (std::size_t i = 0; i < columns_schema.fields.size(); ++i) {
    if (i != 0) out += delimiter;
    const std::size_t start = out.size();
    out.append(columns_schema.fields[i].name);
    quote_cell(out, start, delimiter);
  }
  out += "\r\n";
}

void append_csv_row(std::string& out, const record_batch& rows, std::size_t row, char delimiter) {
  for (std::size_t i = 0; i < rows.columns.size(); ++i) {
    if (i != 0) out += delimiter;
    if (rows.columns[i]->is_null(row)) continue;
    const std::size_t start = out.size();
    append_value_text(out, *rows.columns[i], row);
    quote_cell(out, start, delimiter);
  }
  out += "\r\n";
}

}  // namespace weir

#include "runtime/format/csv_row.hpp"

#include "runtime/format/text_value.hpp"

namespace weir {

status split_csv_row(std::string_view record, char delimiter, std::vector<csv_cell>& cells) {
  cells.clear();
  std::size_t at = 0;
  for (;;) {
    csv_cell cell;
    if (at < record.size() && record[at] == '"') {
      const std::size_t first = ++at;
      cell.quoted = true;
      for (;; at += 2) {
        at = record.find('"', at);
        if (at == std::string_view::npos)
          return fail(errc::parse_error, "cell {}: its quote is not closed", cells.size() + 1);
        if (at + 1 == record.size() || record[at + 1] != '"') break;
        cell.escaped = true;
      }
      cell.raw = record.substr(first, at - first);
      ++at;
      if (at < record.size() && record[at] != delimiter)
        return fail(errc::parse_error, "cell {}: expected '{}' behind the closing quote, found {}", cells.size() + 1,
                    delimiter, quoted_excerpt(record.substr(at, 16)));
    } else {
      const std::size_t end = std::min(record.find(delimiter, at), record.size());
      cell.raw = record.substr(at, end - at);
      at = end;
    }
    cells.push_back(cell);
    if (at == record.size()) return {};
    ++at;
  }
}

std::string_view csv_text(const csv_cell& cell, std::string& scratch) {
  if (!cell.escaped) return cell.raw;
  scratch.clear();
  for (std::size_t i = 0; i < cell.raw.size(); ++i) {
    scratch += cell.raw[i];
    if (cell.raw[i] == '"') ++i;
  }
  return scratch;
}

}  // namespace weir

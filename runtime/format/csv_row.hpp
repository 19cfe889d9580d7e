// One CSV record (RFC 4180) to its cells.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/result.hpp"

namespace weir {

struct csv_cell {
  std::string_view raw;  // without the quotes around it
  bool quoted = false;
  bool escaped = false;  // holds doubled quotes: csv_text() turns them into single ones

  bool operator==(const csv_cell&) const = default;
};

// Replaces `cells` by the record's cells, views into it. A quote counts only as a cell's first byte; inside a cell
// without quotes it is a letter like any other. parse_error for a cell whose quote is not closed or is followed by
// more.
status split_csv_row(std::string_view record, char delimiter, std::vector<csv_cell>& cells);

// What the cell says; `scratch` holds the text when it had to be built.
std::string_view csv_text(const csv_cell& cell, std::string& scratch);

}  // namespace weir

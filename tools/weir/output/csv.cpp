#include "tools/weir/output/csv.hpp"

namespace weir::cli {

std::string csv_line(const std::vector<std::string>& cells) {
  std::string out;
  bool first = true;
  for (const auto& cell : cells) {
    if (!first) out += ',';
    first = false;
    // A line that is one empty cell would read as no line at all.
    if (cell.find_first_of(",\"\r\n") == std::string::npos && !(cells.size() == 1 && cell.empty())) {
      out += cell;
      continue;
    }
    out += '"';
    for (const char c : cell) {
      if (c == '"') out += '"';
      out += c;
    }
    out += '"';
  }
  return out + "\r\n";
}

}  // namespace weir::cli

// Aligned columns for people.
#pragma once

#include <string>
#include <vector>

namespace weir::cli {

struct table {
  struct column {
    std::string heading;
    bool right_aligned = false;
  };

  std::vector<column> columns;
  std::vector<std::vector<std::string>> rows;  // as many cells as columns; any text

  // `width` columns at most (0: no limit), the widest columns are cut first; `colour`: bold headings, and words of
  // state (running, failed, ...) in their colours. Every line ends with '\n'; no trailing blanks.
  std::string render(std::size_t width, bool colour) const;
};

}  // namespace weir::cli

#include "tools/weir/record_batches.hpp"

#include <algorithm>
#include <utility>

namespace weir::cli {

void record_batches::add(std::string_view line) {
  const bool blank = line.find_first_not_of("\r\n") == std::string_view::npos;
  if (blank && !quote_open_) return;
  if (csv_ && header_.empty()) {
    header_ = line;
    return;
  }
  if (body_.empty()) body_ = header_;
  const bool begins = !quote_open_;
  // Two quotes in a quoted cell stand for one: only whether their number is odd matters.
  if (csv_ && std::count(line.begin(), line.end(), '"') % 2 == 1) quote_open_ = !quote_open_;
  body_ += line;
  if (begins) ++count_;
}

std::string record_batches::take() {
  count_ = 0;
  quote_open_ = false;
  return std::exchange(body_, {});
}

}  // namespace weir::cli

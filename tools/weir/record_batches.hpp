// Cuts lines into bodies of requests: so many records or bytes at most, CSV's header before each, and no cut inside a
// quoted cell.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace weir::cli {

class record_batches {
 public:
  static constexpr std::size_t max_bytes = 1U << 20;  // a body is sent from this size on

  record_batches(std::size_t lines, bool csv) : lines_(lines), csv_(csv) {}

  // The next line, with its newline.
  void add(std::string_view line);
  // Enough for a request, and not inside a record.
  bool full() const {
    const bool stray_quote = body_.size() >= 3 * max_bytes;  // no cell is that long
    return stray_quote || (!quote_open_ && (count_ >= lines_ || body_.size() >= max_bytes));
  }
  bool empty() const { return count_ == 0; }
  std::size_t count() const { return count_; }
  // The body, and a new one begins.
  std::string take();

 private:
  std::size_t lines_;
  bool csv_;
  std::string header_, body_;
  std::size_t count_ = 0;
  bool quote_open_ = false;
};

}  // namespace weir::cli

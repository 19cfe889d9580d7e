#include "tools/weir/output/table.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <string_view>

#include "tools/weir/output/display_text.hpp"

namespace weir::cli {

namespace {

constexpr std::size_t gap = 2;
constexpr std::size_t least_width = 4;

constexpr std::string_view bold = "\x1b[1m", red = "\x1b[31m", green = "\x1b[32m", yellow = "\x1b[33m",
                           plain = "\x1b[0m";

std::string_view colour_of(std::string_view word) {
  constexpr std::array<std::string_view, 4> good{"running", "ok", "ready", "active"};
  constexpr std::array<std::string_view, 4> bad{"failed", "quarantined", "error", "stopped"};
  constexpr std::array<std::string_view, 6> waiting{"paused",  "starting", "backing off",
                                                    "waiting", "held",     "recovering"};
  const auto is = [&](const auto& words) { return std::find(words.begin(), words.end(), word) != words.end(); };
  return is(good) ? green : is(bad) ? red : is(waiting) ? yellow : std::string_view{};
}

// Cuts the widest columns, evenly, until all fit; none below least_width.
void fit(std::vector<std::size_t>& widths, std::size_t limit) {
  if (widths.empty()) return;
  const std::size_t gaps = gap * (widths.size() - 1);
  auto total = std::accumulate(widths.begin(), widths.end(), gaps);
  while (total > limit) {
    const auto widest = std::max_element(widths.begin(), widths.end());
    if (*widest <= least_width) return;
    --*widest;
    --total;
  }
}

class line {
 public:
  void add(const std::string& text, std::size_t width, bool right, std::string_view colour) {
    const auto used = display_width(text);
    const std::size_t pad = width > used ? width - used : 0;
    blanks_ += first_ ? 0 : gap;
    first_ = false;
    if (right) blanks_ += pad;
    if (!text.empty()) {
      text_.append(blanks_, ' ');
      blanks_ = 0;
      text_ += colour;
      text_ += text;
      if (!colour.empty()) text_ += plain;
    }
    if (!right) blanks_ += pad;
  }

  std::string take() && { return std::move(text_) + "\n"; }

 private:
  std::string text_;
  std::size_t blanks_ = 0;
  bool first_ = true;
};

}  // namespace

std::string table::render(std::size_t width, bool colour) const {
  std::vector<std::size_t> widths;
  for (const auto& c : columns) widths.push_back(display_width(c.heading));
  std::vector<std::vector<std::string>> cells;
  for (const auto& row : rows) {
    auto& made = cells.emplace_back();
    for (std::size_t i = 0; i < columns.size(); ++i) {
      made.push_back(printable(row[i]));
      widths[i] = std::max(widths[i], display_width(made.back()));
    }
  }
  if (width > 0) fit(widths, width);

  std::string out;
  line headings;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    headings.add(truncated(columns[i].heading, widths[i]), widths[i], columns[i].right_aligned,
                 colour ? bold : std::string_view{});
  }
  out += std::move(headings).take();
  for (const auto& row : cells) {
    line l;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      l.add(truncated(row[i], widths[i]), widths[i], columns[i].right_aligned,
            colour ? colour_of(row[i]) : std::string_view{});
    }
    out += std::move(l).take();
  }
  return out;
}

}  // namespace weir::cli

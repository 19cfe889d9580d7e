#include "runtime/sql/patterns.hpp"

#include <re2/re2.h>

#include "runtime/sql/characters.hpp"
#include "runtime/sql/kernel_loops.hpp"

namespace weir {
namespace {

constexpr std::size_t regex_memory = 8 << 20;

struct like_item {
  enum class kind : std::uint8_t { character, any_character, any_text };
  kind what = kind::character;
  char32_t character = 0;
};

tl::expected<std::vector<like_item>, std::string> parse_like(std::string_view pattern, const like_options& options) {
  std::vector<like_item> out;
  for (std::size_t i = 0; i < pattern.size();) {
    char32_t c = next_character(pattern, i);
    if (options.escape != 0 && c == options.escape) {
      if (i >= pattern.size())
        return tl::unexpected<std::string>("LIKE pattern must not end with its escape character");
      c = next_character(pattern, i);
      out.push_back({like_item::kind::character, options.ignore_case ? lower_character(c) : c});
    } else if (c == U'%') {
      if (out.empty() || out.back().what != like_item::kind::any_text) out.push_back({like_item::kind::any_text});
    } else if (c == U'_') {
      out.push_back({like_item::kind::any_character});
    } else {
      out.push_back({like_item::kind::character, options.ignore_case ? lower_character(c) : c});
    }
  }
  return out;
}

// Greedy with one point to return to: linear in text times pattern, never recursive.
bool matches(std::string_view text, const std::vector<like_item>& items, bool ignore_case) {
  std::size_t at = 0;
  std::size_t item = 0;
  std::size_t star_item = std::string::npos;
  std::size_t star_at = 0;
  while (at < text.size() || item < items.size()) {
    if (item < items.size() && items[item].what == like_item::kind::any_text) {
      star_item = item++;
      star_at = at;
      continue;
    }
    if (at < text.size() && item < items.size()) {
      std::size_t next = at;
      const char32_t c = next_character(text, next);
      if (items[item].what == like_item::kind::any_character ||
          items[item].character == (ignore_case ? lower_character(c) : c)) {
        at = next;
        ++item;
        continue;
      }
    }
    if (star_item == std::string::npos || star_at >= text.size()) return false;
    next_character(text, star_at);
    at = star_at;
    item = star_item + 1;
  }
  return true;
}

// A literal pattern: plain text with % at its ends is found by bytes.
class like_matcher {
 public:
  like_matcher(std::vector<like_item> items, bool ignore_case) : items_(std::move(items)), ignore_case_(ignore_case) {
    starts_open_ = !items_.empty() && items_.front().what == like_item::kind::any_text;
    ends_open_ = !items_.empty() && items_.back().what == like_item::kind::any_text;
    const std::size_t first = starts_open_ ? 1 : 0;
    const std::size_t last = items_.size() - (ends_open_ && items_.size() > first ? 1 : 0);
    plain_ = !ignore_case_;
    for (std::size_t i = first; i < last; ++i) {
      plain_ = plain_ && items_[i].what == like_item::kind::character;
      append_character(bytes_, items_[i].character);
    }
  }
  bool operator()(std::string_view text) const {
    if (!plain_) return matches(text, items_, ignore_case_);
    if (starts_open_ && ends_open_) return text.find(bytes_) != std::string_view::npos;
    if (starts_open_) return text.ends_with(bytes_);
    if (ends_open_) return text.starts_with(bytes_);
    return text == bytes_;
  }

 private:
  std::vector<like_item> items_;
  std::string bytes_;
  bool ignore_case_;
  bool plain_ = false;
  bool starts_open_ = false;
  bool ends_open_ = false;
};

}  // namespace

std::optional<char32_t> single_character(std::string_view text) {
  if (text.empty()) return char32_t{0};
  std::size_t at = 0;
  const char32_t c = next_character(text, at);
  if (at != text.size()) return std::nullopt;
  return c;
}

tl::expected<node_ptr, std::string> make_like(node_ptr text, node_ptr pattern, like_options options) {
  const auto constant = pattern->constant();
  if (constant && !constant->is_null(0)) {
    auto items = parse_like(constant->text(0), options);
    if (!items) return tl::unexpected<std::string>(items.error());
    like_matcher matcher(std::move(*items), options.ignore_case);
    return make_call(data_type::boolean, {std::move(text)},
                     row_kernel<std::int64_t, std::string_view>(
                         data_type::boolean, [matcher = std::move(matcher), negated = options.negated](
                                                 auto& out, std::string_view v) { out.value = matcher(v) != negated; }),
                     false);
  }
  return make_call(data_type::boolean, {std::move(text), std::move(pattern)},
                   row_kernel<std::int64_t, std::string_view, std::string_view>(
                       data_type::boolean,
                       [options](auto& out, std::string_view v, std::string_view p) {
                         const auto items = parse_like(p, options);
                         if (!items) return out.fail(items.error());
                         out.value = matches(v, *items, options.ignore_case) != options.negated;
                       }),
                   true);
}

tl::expected<node_ptr, std::string> make_regex_match(node_ptr text, std::string_view pattern, bool ignore_case,
                                                     bool negated) {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_case_sensitive(!ignore_case);
  options.set_max_mem(regex_memory);
  options.set_dot_nl(true);  // as in PostgreSQL a dot is any character
  auto regex = std::make_shared<const RE2>(re2::StringPiece(pattern.data(), pattern.size()), options);
  if (!regex->ok()) return tl::unexpected<std::string>(regex->error());
  return make_call(data_type::boolean, {std::move(text)},
                   row_kernel<std::int64_t, std::string_view>(
                       data_type::boolean,
                       [regex, negated](auto& out, std::string_view v) {
                         out.value = RE2::PartialMatch(re2::StringPiece(v.data(), v.size()), *regex) != negated;
                       }),
                   false);
}

}  // namespace weir

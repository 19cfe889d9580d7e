#include "actors/source/option_reader.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "runtime/time/timestamp.hpp"

namespace weir {
namespace {

// Letters put in, left out, exchanged for another or with their neighbour.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> cost(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        cost[i][j] = i + j;
        continue;
      }
      const std::size_t changed = cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, changed});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
    }
  }
  return cost[a.size()][b.size()];
}

template <class T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::string_view nearest_word(std::string_view word, const std::vector<std::string_view>& candidates) {
  constexpr std::size_t longest = 64;  // longer words are no misspellings
  if (word.size() > longest) return {};
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const auto candidate : candidates) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

status option_reader::check_names() const {
  std::vector<std::string_view> known;
  for (const auto& option : kind_.options) known.push_back(option.name);
  for (const auto& [name, value] : spec_.options) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      const auto near = nearest_word(name, known);
      return with_hint(fail(errc::invalid_argument, "source {}: connector {} has no option '{}'{}", spec_.name,
                            kind_.name, name, near.empty() ? "" : fmt::format(" (did you mean '{}'?)", near)),
                       fmt::format("its options are {}", fmt::join(known, ", ")));
    }
    if (value.empty()) return bad(name, "a value; leave the option out for its default");
  }
  for (const auto& option : kind_.options) {
    if (option.required && !spec_.options.contains(option.name)) {
      return with_hint(fail(errc::invalid_argument, "source {}: connector {} needs the option '{}'", spec_.name,
                            kind_.name, option.name),
                       fmt::format("{}: {}", option.name, option.description));
    }
  }
  return {};
}

bool option_reader::given(std::string_view name) const { return spec_.options.contains(std::string(name)); }

std::string option_reader::text(std::string_view name) const {
  if (const auto it = spec_.options.find(std::string(name)); it != spec_.options.end()) return it->second;
  for (const auto& option : kind_.options) {
    if (option.name == name) return option.default_value;
  }
  return {};
}

tl::unexpected<error> option_reader::bad(std::string_view name, std::string_view expected) const {
  const auto shown = shown_options(spec_);
  const auto it = shown.find(std::string(name));
  return fail(errc::invalid_argument, "source {}: option {} = '{}' is not {}", spec_.name, name,
              it == shown.end() ? text(name) : it->second, expected);
}

result<bool> option_reader::boolean(std::string_view name) const {
  const std::string value = text(name);
  if (value == "true") return true;
  if (value == "false") return false;
  return bad(name, "true or false");
}

result<std::uint64_t> option_reader::whole(std::string_view name, std::uint64_t low, std::uint64_t high) const {
  const auto value = parse_number<std::uint64_t>(text(name));
  if (!value || *value < low || *value > high) {
    return bad(name, fmt::format("a whole number from {} to {}", low, high));
  }
  return *value;
}

result<double> option_reader::number(std::string_view name, double low, double high) const {
  const auto value = parse_number<double>(text(name));
  if (!value || !std::isfinite(*value) || *value < low || *value > high) {
    return bad(name, fmt::format("a number from {} to {}", low, high));
  }
  return *value;
}

result<std::int64_t> option_reader::interval(std::string_view name, std::int64_t low_us, std::int64_t high_us) const {
  const auto value = parse_interval(text(name));
  if (!value || *value < low_us || *value > high_us) {
    return bad(name, fmt::format("a length of time such as '2 s', from '{}' to '{}'", format_interval(low_us),
                                 format_interval(high_us)));
  }
  return *value;
}

result<std::string> option_reader::choice(std::string_view name, const std::vector<std::string_view>& words) const {
  std::string value = text(name);
  if (std::find(words.begin(), words.end(), value) != words.end()) return value;
  const auto near = nearest_word(value, words);
  return bad(name, fmt::format("one of {}{}", fmt::join(words, ", "),
                               near.empty() ? "" : fmt::format(" (did you mean '{}'?)", near)));
}

}  // namespace weir

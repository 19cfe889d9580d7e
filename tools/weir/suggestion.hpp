// The nearest spelling of a word that is not known.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::cli {

// Insertions, deletions, changes and swaps of neighbours that make `a` out of `b`.
std::size_t edit_distance(std::string_view a, std::string_view b);

// The known word nearest to `word` when it is near enough to be meant; the first of several.
std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& known);

}  // namespace weir::cli

#include "actors/source/mqtt/topic_filter.hpp"

#include <algorithm>

#include "actors/source/file_access.hpp"
#include "actors/source/mqtt/packet.hpp"
#include "runtime/format/text_value.hpp"

namespace weir::mqtt {
namespace {

constexpr std::string_view shared = "$share/";

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

// A wildcard is a level of its own; '#' is the last one.
bool levels_are_good(std::string_view filter) {
  while (true) {
    const auto end = filter.find('/');
    const auto level = filter.substr(0, end);
    const bool last = end == std::string_view::npos;
    if (level.size() > 1 && level.find_first_of("+#") != std::string_view::npos) return false;
    if (level == "#" && !last) return false;
    if (last) return true;
    filter.remove_prefix(end + 1);
  }
}

status check_filter(std::string_view filter) {
  const auto bad = [&](std::string_view why) {
    return fail(errc::invalid_argument, "'{}' is no topic filter: {}", escape_name(filter.substr(0, 200)), why);
  };
  if (filter.empty()) return bad("it is empty");
  if (filter.size() > max_text) return bad("it has more than 65,535 bytes");
  if (!is_valid_utf8(filter) || filter.find('\0') != std::string_view::npos) return bad("it is no UTF-8");
  auto levels = filter;
  if (filter.starts_with(shared)) {
    const auto group = filter.substr(shared.size(), filter.find('/', shared.size()) - shared.size());
    if (group.empty() || group.find_first_of("+#") != std::string_view::npos ||
        shared.size() + group.size() + 1 >= filter.size())
      return bad("a shared subscription is $share/GROUP/FILTER");
    levels.remove_prefix(shared.size() + group.size() + 1);
  }
  if (!levels_are_good(levels)) return bad("'+' and '#' stand for whole levels, and '#' only for the last ones");
  return {};
}

}  // namespace

std::string without_group(std::string_view filter) {
  const auto group_end = filter.starts_with(shared) ? filter.find('/', shared.size()) : std::string_view::npos;
  return std::string(group_end == std::string_view::npos ? filter : filter.substr(group_end + 1));
}

result<std::vector<std::string>> parse_filters(std::string_view text) {
  std::vector<std::string> out;
  while (true) {
    const auto comma = text.find(',');
    const auto filter = trimmed(text.substr(0, comma));
    WEIR_TRY_VOID(check_filter(filter));
    if (std::ranges::find(out, filter) != out.end())
      return fail(errc::invalid_argument, "topic filter '{}' stands twice", filter);
    out.emplace_back(filter);
    if (out.size() > max_filters) return fail(errc::limit_exceeded, "more than {} topic filters", max_filters);
    if (comma == std::string_view::npos) return out;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace weir::mqtt

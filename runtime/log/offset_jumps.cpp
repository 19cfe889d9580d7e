#include "runtime/log/offset_jumps.hpp"

#include <algorithm>

namespace weir {

void offset_jumps::add(std::int64_t from, std::int64_t to) {
  if (to > from) ranges_.push_back({from, to});
}

std::int64_t offset_jumps::skip(std::int64_t position) const {
  auto next = std::lower_bound(ranges_.begin(), ranges_.end(), position,
                               [](const range& lost, std::int64_t at) { return lost.from < at; });
  for (; next != ranges_.end() && next->from == position; ++next) position = next->to;
  return position;
}

std::int64_t offset_jumps::reach_back(std::int64_t offset) const {
  for (auto lost = ranges_.rbegin(); lost != ranges_.rend(); ++lost) {
    if (lost->to == offset) offset = lost->from;
  }
  return offset;
}

auto offset_jumps::range_of(std::int64_t offset) const -> range const* {
  for (auto const& lost : ranges_) {
    if (lost.from < offset && offset < lost.to) return &lost;
  }
  return nullptr;
}

std::int64_t offset_jumps::begin_of(std::int64_t offset) const {
  auto const* const lost = range_of(offset);
  return lost == nullptr ? offset : lost->from;
}

status offset_jumps::check(std::string_view topic, int partition, std::int64_t position) const {
  auto const* const lost = range_of(position);
  if (lost == nullptr) return {};
  return with_hint(
      fail(errc::offset_out_of_range,
           "topic {}, partition {}: offset {} lies in the range {} to {}, which was lost in a power failure", topic,
           partition, position, lost->from, lost->to),
      "what was derived from these entries must be built again");
}

}  // namespace weir

// Ranges of offsets that a power failure took: given out perhaps, but never to be seen again (PROTOCOL 24).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "runtime/result.hpp"

namespace weir {

class offset_jumps {
 public:
  // The offsets `from` up to `to` (exclusive) are lost. Ranges are added in rising order and do not overlap.
  void add(std::int64_t from, std::int64_t to);
  // Where a reader goes on that has seen everything before `position`: behind the range that begins there.
  std::int64_t skip(std::int64_t position) const;
  // The position from which one still reaches `offset` by jumps alone: the inverse of skip().
  std::int64_t reach_back(std::int64_t offset) const;
  // The begin of the lost range that `offset` lies in, else `offset`.
  std::int64_t begin_of(std::int64_t offset) const;
  // errc::offset_out_of_range for a position inside a lost range: whoever holds it has seen entries that are gone.
  status check(std::string_view topic, int partition, std::int64_t position) const;

 private:
  struct range {
    std::int64_t from = 0;
    std::int64_t to = 0;
  };
  // The range that `offset` lies inside of, behind its begin; none: it is in no such range.
  range const* range_of(std::int64_t offset) const;

  std::vector<range> ranges_;
};

}  // namespace weir

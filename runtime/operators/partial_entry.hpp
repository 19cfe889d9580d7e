// What partial and merging operators agree on (partial_operator.cpp describes an entry).
#pragma once

#include <cstddef>
#include <cstdint>

namespace weir {

inline constexpr std::uint8_t partial_entry_version = 1;
// An entry is closed when it has grown so far: entries stay well below a log's record limit unless one group is larger.
inline constexpr std::size_t partial_entry_bytes = 256 * 1024;

}  // namespace weir

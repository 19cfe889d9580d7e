// Switches beside those of PROTOCOL.md's rules, for DESIGN's second invariant: outputs, state and positions of an epoch
// commit in one transaction. Off, they go in two.
#pragma once

namespace weir {

inline constexpr int outputs_with_positions = 27;  // off: outputs first, so they may stand without their positions
inline constexpr int positions_with_outputs = 28;  // off: positions first

}  // namespace weir

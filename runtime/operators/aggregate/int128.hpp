// 128-bit integers, which ISO C++ does not name.
#pragma once

namespace weir {

__extension__ typedef __int128 int128;
__extension__ typedef unsigned __int128 uint128;

}  // namespace weir

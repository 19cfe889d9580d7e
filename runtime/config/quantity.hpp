// Sizes and lengths of time as config.toml writes them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/result.hpp"

namespace weir {

// '512 B', '64 KiB', '1.5 MiB', '10 GiB', '2 TiB', also kB, MB, GB and TB in powers of 1000; a bare number counts
// bytes.
result<std::int64_t> parse_size(std::string_view text);
// In the largest power of 1024 that divides it: '16 MiB', '1500 B'.
std::string format_size(std::int64_t bytes);
// In the largest unit that divides it, as runtime/time/timestamp.hpp reads it: '100 ms', '10 s', '5 minutes', '7 days'.
std::string format_duration(std::int64_t us);

}  // namespace weir

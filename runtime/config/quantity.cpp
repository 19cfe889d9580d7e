#include "runtime/config/quantity.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "runtime/time/timestamp.hpp"

namespace weir {
namespace {

struct unit {
  std::string_view name;
  std::int64_t factor;
};

constexpr std::int64_t kib = 1024;
constexpr std::array<unit, 9> size_units{{{"B", 1},
                                          {"KiB", kib},
                                          {"MiB", kib* kib},
                                          {"GiB", kib* kib* kib},
                                          {"TiB", kib* kib* kib* kib},
                                          {"kB", 1'000},
                                          {"MB", 1'000'000},
                                          {"GB", 1'000'000'000},
                                          {"TB", 1'000'000'000'000}}};

constexpr std::array<unit, 6> duration_units{{{"day", us_per_day},
                                              {"hour", 3'600 * us_per_s},
                                              {"minute", 60 * us_per_s},
                                              {"s", us_per_s},
                                              {"ms", us_per_ms},
                                              {"us", 1}}};

}  // namespace

result<std::int64_t> parse_size(std::string_view text) {
  double number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  std::string_view rest(end, static_cast<std::size_t>(text.data() + text.size() - end));
  while (rest.starts_with(' ')) rest.remove_prefix(1);
  if (rest.empty()) rest = "B";
  for (const unit& u : size_units) {
    if (code != std::errc() || rest != u.name) continue;
    const double bytes = number * static_cast<double>(u.factor);
    if (!(bytes >= 0) || bytes >= 0x1p63 || bytes != std::floor(bytes)) break;
    return static_cast<std::int64_t>(bytes);
  }
  return fail(errc::parse_error, "'{}' is no size; write a number and B, KiB, MiB, GiB or TiB, as '16 MiB'", text);
}

std::string format_size(std::int64_t bytes) {
  for (int i = 4; i > 0; --i) {
    const unit& u = size_units[static_cast<std::size_t>(i)];
    if (bytes != 0 && bytes % u.factor == 0) return fmt::format("{} {}", bytes / u.factor, u.name);
  }
  return fmt::format("{} B", bytes);
}

std::string format_duration(std::int64_t us) {
  if (us == 0) return "0 s";
  for (const unit& u : duration_units) {
    if (us % u.factor != 0) continue;
    const std::int64_t count = us / u.factor;
    const bool plural = u.factor >= 60 * us_per_s && count != 1;
    return fmt::format("{} {}{}", count, u.name, plural ? "s" : "");
  }
  return fmt::format("{} us", us);
}

}  // namespace weir

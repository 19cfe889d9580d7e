// to_char's patterns for times.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace weir {

class time_format {
 public:
  // The error is the part of the pattern that is not known.
  static tl::expected<time_format, std::string> parse(std::string_view pattern);
  static std::string known_patterns();

  void append(std::string& out, std::int64_t us) const;

 private:
  struct part {
    int pattern = -1;         // index of the pattern table; -1: text as it is
    bool no_padding = false;  // FM before it
    std::string literal;
  };
  std::vector<part> parts_;
};

}  // namespace weir

// A source's options as values: every name known, every value in range, or an error that says what to write instead.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "actors/source/connector.hpp"
#include "runtime/result.hpp"

namespace weir {

// The candidate nearest to `word` by edits (at most a third of its length, at least one), or empty.
std::string_view nearest_word(std::string_view word, const std::vector<std::string_view>& candidates);

// Reads the options of one source; what is not given has the default of its kind. Errors: errc::invalid_argument.
class option_reader {
 public:
  // Both must outlive the reader.
  option_reader(const source_spec& spec, const connector_kind& kind) : spec_(spec), kind_(kind) {}

  // Unknown names, empty values and missing required options.
  status check_names() const;

  bool given(std::string_view name) const;
  std::string text(std::string_view name) const;
  result<bool> boolean(std::string_view name) const;  // true, false
  result<std::uint64_t> whole(std::string_view name, std::uint64_t low, std::uint64_t high) const;
  result<double> number(std::string_view name, double low, double high) const;
  // An interval such as '2 s', in microseconds.
  result<std::int64_t> interval(std::string_view name, std::int64_t low_us, std::int64_t high_us) const;
  // One of a list of words.
  result<std::string> choice(std::string_view name, const std::vector<std::string_view>& words) const;

 private:
  tl::unexpected<error> bad(std::string_view name, std::string_view expected) const;

  const source_spec& spec_;
  const connector_kind& kind_;
};

}  // namespace weir

// The rules of PROTOCOL.md as switches. They are always on; a test turns one off to show that the rule's own test then
// fails. Code that enforces a rule asks rule_on(n) where it enforces it.
#pragma once

#include <bitset>

namespace weir {

namespace detail {
inline std::bitset<32> rules_off;
}

inline bool rule_on(int rule) { return !detail::rules_off[static_cast<std::size_t>(rule)]; }

// For tests only: switches a rule off while it lives.
class rule_switched_off {
 public:
  explicit rule_switched_off(int rule) : rule_(static_cast<std::size_t>(rule)) { detail::rules_off.set(rule_); }
  ~rule_switched_off() { detail::rules_off.reset(rule_); }
  rule_switched_off(const rule_switched_off&) = delete;
  rule_switched_off& operator=(const rule_switched_off&) = delete;

 private:
  std::size_t rule_;
};

}  // namespace weir

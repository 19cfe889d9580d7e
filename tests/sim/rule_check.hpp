// How a rule of PROTOCOL.md is tested: what it keeps true is checked, and the same check fails while the rule is off.
#pragma once

#include <catch2/catch.hpp>

#include "runtime/fault/protocol_rules.hpp"

namespace weir {

// `check` answers what is wrong; empty: nothing.
template <class Check>
void holds_only_with(int rule, Check check) {
  CHECK(check() == "");
  rule_switched_off off(rule);
  CHECK(check() != "");
}

}  // namespace weir

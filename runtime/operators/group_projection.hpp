// The second half of a grouping operator: groups become rows of the view (HAVING, then the output expressions).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "runtime/operators/group_store.hpp"

namespace weir {

// Groups and the rows made of them; a group that an expression fails on has left the rows for the failures.
struct projected_groups {
  struct failure {
    std::uint32_t group = 0;  // index into the slots
    std::string reason;
    std::string original;  // JSON of the group columns
  };
  record_batch rows;
  std::vector<std::uint32_t> groups;  // of each row: index into the slots, ascending
  std::vector<failure> failures;
};

// The groups that pass HAVING, in group_columns.
projected_groups groups_that_pass(const view_plan& plan, const group_store& store,
                                  std::span<const std::uint32_t> slots);
// The same in output_columns.
projected_groups project_groups(const view_plan& plan, const group_store& store, std::span<const std::uint32_t> slots);

// The text of the source in an encoded group key (plans that are keyed_by_source).
std::string source_of_key(const view_plan& plan, std::string_view key);

}  // namespace weir

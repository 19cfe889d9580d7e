// Answers a SELECT over the rows of a view.
#pragma once

#include "runtime/operators/view_operator.hpp"

namespace weir {

// view_rows: in the plan's input_columns. Where, group, having, order (nulls as the plan says, NaN above all numbers,
// texts by their bytes; equal rows keep their order), offset and limit. first() and last() go by the order of
// view_rows. A row that an expression fails on fails the query: errc::invalid_argument. errc::limit_exceeded: too many
// groups.
result<record_batch> run_pull_query(const pull_plan& plan, const record_batch& view_rows,
                                    const operator_limits& limits = {});

}  // namespace weir

// SQL text to plans. The grammar is PostgreSQL's own (libpg_query); what weir does not run is refused with position,
// reason and what to write instead (runtime/sql/words.hpp lists every word of DESIGN §7 as "runs" or "refused").
//
// Errors carry a caret picture in their message:
//   line 3, column 8: column "imge" does not exist in camera
//     SELECT imge, count(*) FROM ...
//            ^
//   and as hint what to write instead.
#pragma once

#include <string_view>
#include <vector>

#include "runtime/result.hpp"
#include "runtime/sql/plan.hpp"

namespace weir {

// Parses and binds a file of statements; each sees the streams and views made by those before it as well as `known`.
// Only CREATE TABLE and CREATE MATERIALIZED VIEW are allowed here.
result<std::vector<statement>> plan_script(std::string_view sql, const catalog& known, const sql_limits& limits = {});

// One SELECT over a view.
result<pull_plan> plan_query(std::string_view sql, const catalog& known, const sql_limits& limits = {});

}  // namespace weir

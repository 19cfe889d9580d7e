// What the node says of SQL that it was asked to check.
#pragma once

#include <string>

#include "tools/weir/session.hpp"

namespace weir::cli {

// {"ok":bool,"errors":[...],"plan":[...]}: the plan to standard output, errors to standard error; `what` names the
// text.
exit_code report_plan(session& s, const json& verdict, const std::string& what);

}  // namespace weir::cli

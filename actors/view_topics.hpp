// Topics that views' rows go out to, made or checked before a pipeline is applied: one that cannot hold the rows is the
// command's error and not the pipeline's.
#pragma once

#include <string_view>

#include "cluster/control_state.hpp"
#include "runtime/config/config.hpp"
#include "runtime/log/log.hpp"

namespace weir {

status make_view_topics(event_log& log, const config& c, const control_plan& plan, std::string_view pipeline,
                        std::string_view sql);

}  // namespace weir

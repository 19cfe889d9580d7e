// A control state for fuzz targets: two pipelines, the second over views of the first, and two sources.
#pragma once

#include "cluster/control_state.hpp"
#include "runtime/sql/plan.hpp"

namespace weir::fuzz {

// Pipelines "first" (over stream t) and "second", sources "north" and "other".
const control_plan& control();
// A pipeline that takes one stream's event times in one of several ways (streams times, numbers, arrivals), and the
// stream's sources "north" and "south".
const control_plan& timed(std::string_view stream);
// Views that group: by key, by source, in sessions, running, with changes.
const std::vector<view_plan>& grouped_views();

}  // namespace weir::fuzz

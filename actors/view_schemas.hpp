// Schemas of views' topics, settled before the command that applies the views is written: their numbers go into the
// command, so no shard ever asks a registry, and a start and a replay write what was written before.
#pragma once

#include <vector>

#include "actors/schema_registry.hpp"
#include "cluster/control_state.hpp"
#include "runtime/config/config.hpp"

namespace weir {

struct wanted_schema {
  std::string view, option;  // where its number goes
  schema_offer offer;

  bool operator==(const wanted_schema&) const = default;
};

// What a pipeline's SQL needs beyond what its views have already: one that stands with the same topic keeps its
// numbers.
result<std::vector<wanted_schema>> wanted_schemas(const config& c, const control_plan& plan, std::string_view pipeline,
                                                  std::string_view sql);

// Asks the registry for all of them: may take long.
result<settled_options> settle_schemas(const schema_registry& registry, const std::vector<wanted_schema>& wanted);

// What the command is written with: numbers that views keep, and those that were settled for `wanted`. unavailable
// where the plan has changed since, so that these are not the ones any more.
result<settled_options> settled_for(const config& c, const control_plan& plan, std::string_view pipeline,
                                    std::string_view sql, const std::vector<wanted_schema>& wanted,
                                    const settled_options& settled);

}  // namespace weir

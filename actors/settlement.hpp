// What a pipeline's command must find out before it is written: numbers that a registry gives the schemas of its views'
// topics, and descriptor sets that its streams and topics have. They go into the command, so no shard ever asks a
// registry or reads a file, and a start and a replay work with what was there then.
#pragma once

#include <optional>
#include <vector>

#include "actors/schema_registry.hpp"
#include "cluster/control_state.hpp"
#include "runtime/config/config.hpp"
#include "runtime/sql/plan.hpp"

namespace weir {

struct wanted_settlement {
  struct schema_number {
    std::string view, option;  // where it goes
    schema_offer offer;

    bool operator==(const schema_number&) const = default;
  };
  struct outward_rows {
    std::string topic, compatibility;
    bool framed = false;

    bool operator==(const outward_rows&) const = default;
  };
  struct descriptors {
    std::string name, file, message;
    schema columns;                    // whose fields the message must have
    std::optional<outward_rows> view;  // none: of a stream

    bool operator==(const descriptors&) const = default;
  };
  std::vector<schema_number> numbers;
  std::vector<descriptors> sets;

  bool empty() const { return numbers.empty() && sets.empty(); }
  bool operator==(const wanted_settlement&) const = default;
};

// What a pipeline's SQL needs beyond what it has already: a stream that stands keeps its descriptors, a view that
// stands with the same topic its numbers.
result<wanted_settlement> wanted_by(const config& c, const control_plan& plan, std::string_view pipeline,
                                    std::string_view sql);

// Reads files, asks the registry: may take long.
result<settled_options> settle_all(const config& c, const schema_registry& registry, const wanted_settlement& wanted);

// What the command is written with: numbers that views keep, and what was settled for `wanted`. unavailable where the
// plan has changed since, so that it is not what is needed any more.
result<settled_options> settled_for(const config& c, const control_plan& plan, std::string_view pipeline,
                                    std::string_view sql, const wanted_settlement& wanted,
                                    const settled_options& settled);

}  // namespace weir

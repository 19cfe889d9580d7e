// The log that config.toml names, and where the state that belongs to it lies.
#pragma once

#include <memory>
#include <string>

#include "runtime/config/config.hpp"
#include "runtime/log/kafka_groups.hpp"

namespace weir {

result<std::unique_ptr<event_log>> open_configured_log(const config& c);
// Where pipelines' positions are shown to Kafka's tools; none where the log is not Kafka, or it is not wanted.
result<std::unique_ptr<kafka_groups>> open_configured_groups(const config& c);
// State is a copy of one log's changelog, so each kind of log has its own.
std::string state_folder(const config& c);

}  // namespace weir

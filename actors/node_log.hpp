// The log that config.toml names, and where the state that belongs to it lies.
#pragma once

#include <memory>
#include <string>

#include "runtime/config/config.hpp"
#include "runtime/log/log.hpp"

namespace weir {

result<std::unique_ptr<event_log>> open_configured_log(const config& c);
// State is a copy of one log's changelog, so each kind of log has its own.
std::string state_folder(const config& c);

}  // namespace weir

// The log that config.toml names, and where the state that belongs to it lies.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cluster/control_state.hpp"
#include "runtime/config/config.hpp"
#include "runtime/log/kafka_groups.hpp"
#include "runtime/log/heartbeats.hpp"
#include "runtime/log/log.hpp"
#include "runtime/log/writer_group.hpp"

namespace weir {

result<std::unique_ptr<event_log>> open_configured_log(const config& c);
// Where pipelines' positions are shown to Kafka's tools; none where the log is not Kafka, or it is not wanted.
result<std::unique_ptr<kafka_groups>> open_configured_groups(const config& c);
// Nodes may share this log, and so its app.
bool is_shared_log(const config& c);
// How often a shard commits at most; on Kafka, where a transaction takes its time, less often.
std::int64_t least_commit_interval_us(const config& c);
// The heartbeats of a shared log's nodes; their topic is made where there is none.
result<std::unique_ptr<heartbeat_channel>> open_configured_heartbeats(const config& c, event_log& log);
// What is fixed when the deployment is made.
deployment_record deployment_of(const config& c);
// For each shard the writer that it shares with others; none: it has one of its own.
std::vector<std::shared_ptr<writer_group>> make_writer_groups(const config& c, event_log& log);
// State is a copy of one log's changelog, so each kind of log has its own.
std::string state_folder(const config& c);

}  // namespace weir

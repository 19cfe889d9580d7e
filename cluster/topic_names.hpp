// The names of weir's topics and writers. `app` and pipeline names have no dots, stream and view names neither (checked
// by apply_pipeline), so no two of these meet.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace weir::topic {

inline std::string control(std::string_view app) { return fmt::format("{}.control", app); }
inline std::string heartbeats(std::string_view app) { return fmt::format("{}.heartbeats", app); }
inline std::string changelog(std::string_view app) { return fmt::format("{}.changelog", app); }
inline std::string attempts(std::string_view app) { return fmt::format("{}.attempts", app); }
inline std::string stream(std::string_view app, std::string_view name) {
  return fmt::format("{}.stream.{}", app, name);
}
// A stream's dead letters.
inline std::string dead(std::string_view app, std::string_view stream) {
  return fmt::format("{}.dead.{}", app, stream);
}
inline std::string view(std::string_view app, std::string_view name) { return fmt::format("{}.view.{}", app, name); }
// Records that came too late for a view's windows.
inline std::string late(std::string_view app, std::string_view view) { return fmt::format("{}.late.{}", app, view); }
// Rows that a view's expressions could not compute.
inline std::string refused(std::string_view app, std::string_view view) {
  return fmt::format("{}.refused.{}", app, view);
}
// Partial groups of one incarnation of a pipeline: a successor never reads its predecessor's.
inline std::string shuffle(std::string_view app, std::string_view pipeline, std::string_view view,
                           std::uint64_t incarnation) {
  return fmt::format("{}.shuffle.{}.{}.{}", app, pipeline, view, incarnation);
}

// The writer of a shard: stable, whoever owns the shard and however many others are there (PROTOCOL 1).
inline std::string shard_writer(std::string_view app, int shard) { return fmt::format("{}.{}", app, shard); }
// That of several shards together.
inline std::string group_writer(std::string_view app, int group) { return fmt::format("{}.shards.{}", app, group); }
// The consumer group that shows a pipeline's positions to Kafka's tools.
inline std::string group(std::string_view app, std::string_view pipeline) {
  return fmt::format("{}.{}", app, pipeline);
}
inline std::string control_writer(std::string_view app) { return control(app); }

}  // namespace weir::topic

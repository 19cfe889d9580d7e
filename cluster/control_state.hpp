// The cluster's state as a fold over one topic, `<app>.control` (DESIGN §6): streams, pipelines, sources, nodes. Every
// node folds the same records into the same state; fold(compacted) = fold(full).
//
// A record's key names what it is about ("stream/camera", "pipeline/socks", "source/station-1", "deployment"); its
// value is JSON; a tombstone removes it. What one command changes (sources listed together, a pipeline and its streams)
// is one log transaction and takes effect as a whole: readers fold a transaction's records before they act on any.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/members.hpp"
#include "runtime/log/log.hpp"
#include "runtime/result.hpp"
#include "runtime/sql/plan.hpp"

namespace weir {

enum class run_state : std::uint8_t { running, paused, quarantined };
std::string_view to_string(run_state s);

// What a command found out outside of the deployment before it was written, by stream or view and option of its format:
// numbers of schemas, bytes of descriptor sets. So nobody has to be asked again, and every node and every start works
// with the same.
using settled_options = std::map<std::string, std::map<std::string, std::string>>;

struct stream_record {
  std::string name;
  std::string sql;       // CREATE TABLE ...
  std::string pipeline;  // whose SQL file declared it
  std::map<std::string, std::string> settled;

  bool operator==(const stream_record&) const = default;
};

struct pipeline_record {
  std::string name;
  std::string sql;                // the whole file: CREATE TABLE and CREATE MATERIALIZED VIEW statements
  std::uint64_t incarnation = 0;  // rises when the pipeline is replaced or reset; state and positions belong to one
  // Of the first in the row of replacements that this one ends; its own: it replaced nobody (PROTOCOL 10).
  std::uint64_t first_incarnation = 0;
  bool from_beginning = true;  // where its views start reading
  run_state state = run_state::running;
  std::string error;        // of a quarantined pipeline
  settled_options settled;  // of its views

  bool operator==(const pipeline_record&) const = default;
};

struct source_record {
  std::string name, stream, connector;
  std::map<std::string, std::string> options;
  run_state state = run_state::running;
  std::uint64_t incarnation = 0;  // rises when the source is removed and added again, paused and resumed

  bool operator==(const source_record&) const = default;
};

struct deployment_record {
  int shards = 0;  // fixed when the deployment is made (PROTOCOL 1)
  int shuffle_partitions = 0;
  int shards_per_writer = 1;  // these commit in one transaction, so they have one owner

  bool operator==(const deployment_record&) const = default;
};

struct control_state {
  std::int64_t offset = -1;  // of the last record folded in
  deployment_record deployment;
  std::map<std::string, stream_record, std::less<>> streams;
  std::map<std::string, pipeline_record, std::less<>> pipelines;
  std::map<std::string, source_record, std::less<>> sources;
  member_map members;  // nodes that share the deployment; none where a node is alone by nature (the embedded log)
  // The last incarnation of what was removed: what comes under the same name later goes on from there.
  std::map<std::string, std::uint64_t, std::less<>> removed_pipelines, removed_sources;
  // Keys of kinds that this version does not know (a later one wrote them): kept in the log, not acted on.
  std::set<std::string, std::less<>> unknown;

  bool operator==(const control_state&) const = default;
};

// One fact to append. Several facts of one command are one log transaction.
struct control_record {
  std::string key;
  std::optional<std::string> value;

  bool operator==(const control_record&) const = default;
};

// Folds one entry in; errc::corrupt for a value that is no record of its key's kind (with key and offset), the state is
// then as it was. An entry at or below the state's offset has been folded in already and changes nothing.
status fold_control(control_state& state, const log_entry& entry);

// Whether a record can hold this text unchanged: valid UTF-8.
bool is_record_text(std::string_view text);

// Builders of records.
control_record to_record(const stream_record& r);
control_record to_record(const pipeline_record& r);
control_record to_record(const source_record& r);
control_record to_record(const deployment_record& r);
control_record removal(std::string_view kind, std::string_view name);
// Removals that keep the incarnation.
control_record removal(const pipeline_record& r);
control_record removal(const source_record& r);

// Everything the state's SQL declares, planned: what binders and shards work from.
struct planned_pipeline {
  pipeline_record record;
  std::vector<view_plan> views;  // in the order of the file: inputs before those who read them
};
struct control_plan {
  control_state state;
  catalog names;
  std::map<std::string, planned_pipeline, std::less<>> pipelines;
};
// Plans every stream and pipeline of the state, in dependency order. A pipeline that cannot be planned (a later version
// refuses its SQL) stands there quarantined, with the reason and without views; the others are not harmed.
result<std::shared_ptr<const control_plan>> plan_control(const control_state& state);

// What other pipelines have declared: a pipeline's SQL declares its own names, anew when it replaces what stands.
catalog names_of_others(const control_plan& plan, std::string_view pipeline);

// What commands refuse to go beyond (config.toml, [limits]).
struct control_limits {
  std::size_t streams = 1'000;
  std::size_t views = 1'000;
  std::size_t sources = 10'000;
  std::size_t script_bytes = 512 * 1024;        // of a pipeline's SQL file
  std::size_t source_option_bytes = 64 * 1024;  // names and values of one source's options
  bool view_topics = true;                      // whether views may write to topics that others read
  sql_limits sql;
};

// Commands: check against the plan and answer the records to append (never anything partial), or why not. No records:
// it is so already.
result<std::vector<control_record>> apply_pipeline(const control_plan& plan, std::string_view name,
                                                   std::string_view sql, bool replace, bool from_beginning,
                                                   const control_limits& limits = {},
                                                   const settled_options& settled = {});
result<std::vector<control_record>> drop_pipeline(const control_plan& plan, std::string_view name);
result<std::vector<control_record>> add_sources(const control_plan& plan, const std::vector<source_record>& sources,
                                                const control_limits& limits = {});
result<std::vector<control_record>> set_source_state(const control_plan& plan, std::string_view name, run_state state);
result<std::vector<control_record>> remove_source(const control_plan& plan, std::string_view name);
result<std::vector<control_record>> set_pipeline_state(const control_plan& plan, std::string_view name, run_state state,
                                                       std::string_view error);
// Makes the deployment, or checks that it was made with these numbers: which writer owns which records follows from
// them and never changes while the node runs (PROTOCOL 1).
result<std::vector<control_record>> set_deployment(const control_state& state, const deployment_record& wanted);

// shard = hash(source): where a source's records live (DESIGN §2).
int shard_of_source(std::string_view source, int shards);

}  // namespace weir

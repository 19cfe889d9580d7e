// The cluster's state as a fold over one topic, `<app>.control` (DESIGN §6): streams, pipelines, sources. Every node
// folds the same records into the same state; fold(compacted) = fold(full).
//
// A record's key names what it is about ("stream/camera", "pipeline/socks", "source/station-1", "deployment"); its value
// is JSON; a tombstone removes it. What one command changes (sources listed together, a pipeline and its streams) is one
// log transaction and takes effect as a whole: readers fold a transaction's records before they act on any.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/log/log.hpp"
#include "runtime/result.hpp"
#include "runtime/sql/plan.hpp"

namespace weir {

enum class run_state : std::uint8_t { running, paused, quarantined };
std::string_view to_string(run_state s);

struct stream_record {
  std::string name;
  std::string sql;       // CREATE TABLE ...
  std::string pipeline;  // whose SQL file declared it
};

struct pipeline_record {
  std::string name;
  std::string sql;                   // the whole file: CREATE TABLE and CREATE MATERIALIZED VIEW statements
  std::uint64_t incarnation = 0;     // rises when the pipeline is replaced or reset; state and positions belong to one
  bool from_beginning = true;        // where its views start reading
  run_state state = run_state::running;
  std::string error;                 // of a quarantined pipeline
};

struct source_record {
  std::string name, stream, connector;
  std::map<std::string, std::string> options;
  run_state state = run_state::running;
  std::uint64_t incarnation = 0;  // rises when the source is removed and added again, paused and resumed
};

struct deployment_record {
  int shards = 0;             // fixed when the deployment is made (PROTOCOL 1)
  int shuffle_partitions = 0;
};

struct control_state {
  std::int64_t offset = -1;  // of the last record folded in
  deployment_record deployment;
  std::map<std::string, stream_record, std::less<>> streams;
  std::map<std::string, pipeline_record, std::less<>> pipelines;
  std::map<std::string, source_record, std::less<>> sources;
};

// One fact to append. Several facts of one command are one log transaction.
struct control_record {
  std::string key;
  std::optional<std::string> value;
};

// Folds one entry in; errc::corrupt for a value that is no record of its key's kind (with key and offset).
status fold_control(control_state& state, const log_entry& entry);

// Builders of records.
control_record to_record(const stream_record& r);
control_record to_record(const pipeline_record& r);
control_record to_record(const source_record& r);
control_record to_record(const deployment_record& r);
control_record removal(std::string_view kind, std::string_view name);

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
// Plans every stream and pipeline of the state, in dependency order.
result<std::shared_ptr<const control_plan>> plan_control(const control_state& state);

// Commands: check against the plan and answer the records to append (never anything partial), or why not.
result<std::vector<control_record>> apply_pipeline(const control_plan& plan, std::string_view name, std::string_view sql,
                                                   bool replace, bool from_beginning);
result<std::vector<control_record>> drop_pipeline(const control_plan& plan, std::string_view name);
result<std::vector<control_record>> add_sources(const control_plan& plan, const std::vector<source_record>& sources);
result<std::vector<control_record>> set_source_state(const control_plan& plan, std::string_view name, run_state state);
result<std::vector<control_record>> remove_source(const control_plan& plan, std::string_view name);
result<std::vector<control_record>> set_pipeline_state(const control_plan& plan, std::string_view name, run_state state,
                                                       std::string_view error);

// shard = hash(source): where a source's records live (DESIGN §2).
int shard_of_source(std::string_view source, int shards);

}  // namespace weir

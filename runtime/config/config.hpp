// config.toml as structs, one per section. A default-made `config` holds every default; keys.cpp describes each key
// once, and parsing, its errors and the documented file all come from there.
//
// Lengths of time are microseconds (_us) and sizes bytes (_bytes) here; in the file they are texts: '100 ms', '16 MiB'.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/result.hpp"

namespace weir {

struct node_config {
  std::string app = "weir";
  std::string name = "node-1";
  std::string data_dir = "data";
  std::int64_t shards = 4;
  std::int64_t worker_threads = 0;
  std::int64_t stall_timeout_us = 10'000'000;
  std::int64_t shutdown_timeout_us = 10'000'000;
  std::string log_level = "info";
  std::string log_format = "text";
};

struct log_config {
  std::string kind = "local";
  std::string durability = "process";
  std::int64_t retention_us = 7LL * 86'400 * 1'000'000;
  std::int64_t retention_bytes = 10LL << 30;
  std::int64_t max_record_bytes = 1LL << 20;
  std::int64_t disk_reserve_bytes = 1LL << 30;
};

// How brokers are talked to.
struct kafka_access {
  std::string protocol = "plaintext";
  std::string mechanism = "SCRAM-SHA-512";
  std::string user;
  std::string password_file;
  std::string ca;
};

struct kafka_config : kafka_access {
  std::string brokers = "127.0.0.1:9092";
  std::int64_t replication = 3;
  std::int64_t min_insync = 2;
  std::int64_t timeout_us = 8'000'000;
  std::int64_t transaction_timeout_us = 10'000'000;
  std::int64_t group_offsets_us = 1'000'000;
  std::int64_t shards_per_writer = 4;
  std::int64_t interval_min_us = 15'000;
};

struct commit_config {
  std::int64_t interval_min_us = 5'000;
  std::int64_t interval_max_us = 100'000;
  std::int64_t max_bytes = 16LL << 20;
};

struct limits_config {
  std::int64_t sources = 10'000;
  std::int64_t streams = 1'000;
  std::int64_t views = 1'000;
  std::int64_t view_state_bytes = 1LL << 30;
  std::int64_t view_groups = 1'000'000;
  std::int64_t view_rows = 1'000'000;
  std::int64_t distinct_values = 100'000;
  std::int64_t ingest_queue_bytes = 32LL << 20;
  std::int64_t task_queue_bytes = 64LL << 20;
  std::int64_t chunk_records = 4'096;
  std::int64_t chunk_bytes = 1LL << 20;
  std::int64_t attempts = 3;
  std::int64_t statement_bytes = 32LL << 10;
  std::int64_t sql_result_rows = 10'000;
};

struct source_limits_config {
  std::int64_t restart_min_us = 500'000;
  std::int64_t restart_max_us = 30'000'000;
  std::int64_t restart_budget = 20;
  std::int64_t restart_window_us = 600'000'000;
  std::vector<std::string> file_allow;
  std::int64_t file_poll_interval_us = 1'000'000;
  std::vector<std::string> mqtt_allow;
  std::vector<std::string> mqtt_folders;
  std::int64_t mqtt_connect_timeout_us = 10'000'000;
  std::int64_t mqtt_buffer_bytes = 4LL << 20;
  std::vector<std::string> kafka_allow;
  std::int64_t kafka_timeout_us = 4'000'000;
  std::int64_t kafka_buffer_bytes = 8LL << 20;
  std::int64_t kafka_look_us = 30'000'000;
  std::string kafka_registry, registry_user, registry_password_file, registry_ca;
  kafka_access kafka;
  std::string descriptors;
  std::int64_t tests = 2;
  std::int64_t test_timeout_us = 5'000'000;
};

struct http_config {
  std::int64_t quiet_after_us = 60'000'000;
  std::int64_t idempotency_window_us = 86'400LL * 1'000'000;
  std::int64_t idempotency_keys = 100'000;
  std::int64_t pending_bytes = 64LL << 20;
};

struct supervision_config {
  std::int64_t restart_min_us = 100'000;
  std::int64_t restart_max_us = 10'000'000;
  std::int64_t restart_budget = 10;
  std::int64_t restart_window_us = 60'000'000;
  std::int64_t watch_interval_us = 500'000;
};

struct cluster_config {
  std::string host = "127.0.0.1";
  std::int64_t port = 0;
  std::int64_t heartbeat_interval_us = 300'000;
  std::int64_t lease_us = 2'000'000;
  std::int64_t suspicion_us = 300'000;
};

struct gateway_config {
  std::string host = "127.0.0.1";
  std::int64_t port = 8420;
  std::int64_t threads = 2;
  std::string token;
  std::vector<std::string> allowed_hosts;
  std::vector<std::string> allowed_origins;
  bool metrics_open = false;
  std::int64_t max_connections = 1'024;
  std::int64_t max_request_bytes = 4LL << 20;
  std::int64_t max_inflated_bytes = 16LL << 20;
  std::int64_t max_request_lines = 100'000;
  std::int64_t header_timeout_us = 10'000'000;
  std::int64_t idle_timeout_us = 60'000'000;
  std::int64_t write_timeout_us = 10'000'000;
  std::int64_t max_subscriptions = 256;
  std::int64_t max_backlog_rows = 100'000;
  std::int64_t busy_messages = 1'000;
};

// [[pipeline]]: applied at start, as `weir apply` would.
struct pipeline_config {
  std::string name;
  std::string file;  // an SQL file
  std::string from = "beginning";

  bool from_beginning() const { return from == "beginning"; }
};

// [[source]]: added at start. All that are listed open at one cut (PROTOCOL 12).
struct source_config {
  std::string name, stream, connector;
  std::map<std::string, std::string> options;
};

struct config {
  node_config node;
  log_config log;
  kafka_config kafka;
  commit_config commit;
  limits_config limits;
  source_limits_config sources;
  http_config http;
  supervision_config supervision;
  cluster_config cluster;
  gateway_config gateway;
  std::vector<pipeline_config> pipelines;
  std::vector<source_config> listed_sources;
};

// Reads the file and checks it. Relative paths (node.data_dir, log.kafka.password_file and ca, sources.file.allow,
// sources.mqtt.folders, a pipeline's file, a source's options "path" and "..._file") become absolute, from the file's
// folder. Errors name file, line, column, key, what was found and what is allowed.
result<config> load_config(const std::filesystem::path& path);

// The same from text; paths stay as they are written. `name` stands for the file in errors.
result<config> parse_config(std::string_view text, std::string_view name);

// What no single key can tell: keys that contradict each other, names used twice. Part of parse_config.
status check(const config& c);

// A config.toml that names every key with its default, its unit, what is allowed and what it is for.
std::string render_default_config();

}  // namespace weir

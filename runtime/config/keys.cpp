#include "runtime/config/keys.hpp"

#include <fmt/ranges.h>

#include <limits>

#include "runtime/config/quantity.hpp"
#include "runtime/time/timestamp.hpp"

namespace weir {
namespace {

constexpr std::int64_t minute = 60 * us_per_s;
constexpr std::int64_t hour = 60 * minute;
constexpr std::int64_t kib = 1LL << 10;
constexpr std::int64_t mib = 1LL << 20;
constexpr std::int64_t gib = 1LL << 30;
constexpr std::int64_t tib = 1LL << 40;
constexpr std::int64_t max_paths = 256;  // entries of a list

// The place of a member of config.
#define AT(member) +[](config& c) -> decltype((c.member)) { return c.member; }

config_key words(std::string_view section, std::string_view name, key_place place, std::int64_t minimum,
                 std::int64_t maximum, std::string_view description, key_type type = key_type::text) {
  return {section, name, type, place, minimum, maximum, {}, {}, description};
}

config_key choice(std::string_view section, std::string_view name, key_place place,
                  std::vector<std::string_view> choices, std::string_view description) {
  return {section, name, key_type::choice, place, 0, 0, {}, std::move(choices), description};
}

config_key flag(std::string_view section, std::string_view name, key_place place, std::string_view description) {
  return {section, name, key_type::boolean, place, 0, 1, {}, {}, description};
}

config_key count(std::string_view section, std::string_view name, key_place place, std::int64_t minimum,
                 std::int64_t maximum, std::string_view unit, std::string_view description) {
  return {section, name, key_type::integer, place, minimum, maximum, unit, {}, description};
}

config_key duration(std::string_view section, std::string_view name, key_place place, std::int64_t minimum,
                    std::int64_t maximum, std::string_view description) {
  return {section, name, key_type::duration, place, minimum, maximum, {}, {}, description};
}

config_key size(std::string_view section, std::string_view name, key_place place, std::int64_t minimum,
                std::int64_t maximum, std::string_view description) {
  return {section, name, key_type::size, place, minimum, maximum, {}, {}, description};
}

config_key texts(std::string_view section, std::string_view name, key_place place, std::string_view description) {
  return {section, name, key_type::texts, place, 0, max_paths, {}, {}, description};
}

void add_node(std::vector<config_key>& k) {
  const std::string_view s = "node";
  k.push_back(words(s, "app", AT(node.app), 1, 32, "The deployment's name; every topic's name begins with it.",
                    key_type::name));
  k.push_back(words(s, "name", AT(node.name), 1, 64,
                    "This node's name in logs and status; nodes that share an app need one each.", key_type::name));
  k.push_back(words(s, "data_dir", AT(node.data_dir), 1, 4096,
                    "Folder of the embedded log, the state and the token; relative to this file."));
  k.push_back(count(s, "shards", AT(node.shards), 1, 256, "shards",
                    "Units of ownership, commit and recovery. Fixed when the deployment is made."));
  k.push_back(count(s, "worker_threads", AT(node.worker_threads), 0, 1024, "threads",
                    "Threads that run ingest and pipelines; 0: one per core."));
  k.push_back(duration(s, "stall_timeout", AT(node.stall_timeout_us), 100 * us_per_ms, hour,
                       "A job that runs longer counts as hung: its pipeline is quarantined, its thread replaced."));
  k.push_back(duration(s, "shutdown_timeout", AT(node.shutdown_timeout_us), 100 * us_per_ms, hour,
                       "How long a stop waits for accepted records to commit; then the node leaves as it is."));
  k.push_back(choice(s, "log_level", AT(node.log_level), {"trace", "debug", "info", "warning", "error"},
                     "The least level of messages that are written."));
  k.push_back(choice(s, "log_format", AT(node.log_format), {"text", "json"}, "How messages are written."));
}

void add_log(std::vector<config_key>& k) {
  std::string_view s = "log";
  k.push_back(choice(s, "kind", AT(log.kind), {"local", "kafka"},
                     "local: the embedded log, in data_dir. kafka: Apache Kafka, see [log.kafka]."));
  k.push_back(choice(s, "durability", AT(log.durability), {"process", "power"},
                     "What a commit survives: the end of the process, or a loss of power (a sync per commit)."));
  k.push_back(duration(s, "retention", AT(log.retention_us), minute, 36'500 * us_per_day,
                       "Age from which records of streams and append views may be dropped; a stream may have its "
                       "own (WITH)."));
  k.push_back(size(s, "retention_bytes", AT(log.retention_bytes), 16 * mib, 1'024 * tib,
                   "Size per topic from which the oldest records are dropped."));
  k.push_back(size(s, "max_record", AT(log.max_record_bytes), kib, 16 * mib,
                   "The largest record of a stream; larger ones are dead letters."));
  k.push_back(size(s, "disk_reserve", AT(log.disk_reserve_bytes), 0, 1'024 * tib,
                   "Free disk space below which sources pause."));
  s = "commit";
  k.push_back(
      duration(s, "interval_min", AT(commit.interval_min_us), 0, 10 * us_per_s, "A shard commits at most this often."));
  k.push_back(duration(s, "interval_max", AT(commit.interval_max_us), us_per_ms, minute,
                       "An epoch is closed when it is this old."));
  k.push_back(size(s, "max_bytes", AT(commit.max_bytes), 64 * kib, gib, "... or when it holds this much."));
}

void add_kafka(std::vector<config_key>& k) {
  const std::string_view s = "log.kafka";
  k.push_back(words(s, "brokers", AT(kafka.brokers), 1, 4096, "Brokers to begin with, as host:port,host:port."));
  k.push_back(count(s, "replication", AT(kafka.replication), 1, 100, "copies",
                    "Copies of each partition; as many brokers are needed."));
  k.push_back(count(s, "min_insync", AT(kafka.min_insync), 1, 100, "copies",
                    "Copies that must have a record before it counts as written; at most replication."));
  k.push_back(duration(s, "timeout", AT(kafka.timeout_us), 100 * us_per_ms, 10 * minute,
                       "How long a call waits for the brokers; less than node.stall_timeout."));
  k.push_back(duration(s, "transaction_timeout", AT(kafka.transaction_timeout_us), us_per_s, 15 * minute,
                       "When the brokers end the transaction of a shard whose node is gone and has no successor."));
  k.push_back(duration(s, "group_offsets", AT(kafka.group_offsets_us), 0, hour,
                       "How often positions are shown as offsets of consumer groups <app>.<pipeline>; 0 s: never."));
  k.push_back(count(s, "shards_per_writer", AT(kafka.shards_per_writer), 1, 64, "shards",
                    "Shards that commit in one transaction; fixed when the app is made."));
  k.push_back(
      duration(s, "interval_min", AT(kafka.interval_min_us), 0, 10 * us_per_s,
               "commit.interval_min on Kafka, where that is less: a transaction takes 5 to 10 ms, and a rest."));
  k.push_back(choice(s, "protocol", AT(kafka.protocol), {"plaintext", "ssl", "sasl_plaintext", "sasl_ssl"},
                     "How to talk to the brokers: in clear or encrypted, without or with a user."));
  k.push_back(choice(s, "mechanism", AT(kafka.mechanism), {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"},
                     "How the user is proven, with sasl_plaintext and sasl_ssl."));
  k.push_back(words(s, "user", AT(kafka.user), 0, 256, "The user, with sasl_plaintext and sasl_ssl."));
  k.push_back(words(s, "password_file", AT(kafka.password_file), 0, 4096,
                    "A file whose first line is the user's password; relative to this file."));
  k.push_back(words(s, "ca", AT(kafka.ca), 0, 4096,
                    "Certificates (PEM) that the brokers' must lead to, relative to this file; empty: the system's."));
}

void add_limits(std::vector<config_key>& k) {
  const std::string_view s = "limits";
  k.push_back(count(s, "sources", AT(limits.sources), 1, 1'000'000, "sources", "Sources of the deployment."));
  k.push_back(count(s, "streams", AT(limits.streams), 1, 100'000, "streams", "Streams of the deployment."));
  k.push_back(count(s, "views", AT(limits.views), 1, 100'000, "views", "Views of the deployment."));
  k.push_back(size(s, "view_state", AT(limits.view_state_bytes), mib, tib,
                   "Windows and groups of one view in one shard; over it the pipeline stops with an error."));
  k.push_back(count(s, "view_groups", AT(limits.view_groups), 1, 1'000'000'000, "groups",
                    "Groups of one view in one shard; over it the pipeline stops with an error."));
  k.push_back(count(s, "view_rows", AT(limits.view_rows), 1, 1'000'000'000, "rows",
                    "Rows kept per view and shard in its queryable table; the oldest go first."));
  k.push_back(count(s, "distinct_values", AT(limits.distinct_values), 1, 100'000'000, "values",
                    "Values that one DISTINCT aggregate remembers per group."));
  k.push_back(size(s, "ingest_queue", AT(limits.ingest_queue_bytes), mib, 64 * gib,
                   "Chunks that wait for ingest, per shard; then sources wait."));
  k.push_back(size(s, "task_queue", AT(limits.task_queue_bytes), mib, 64 * gib,
                   "Decoded batches that a pipeline may lag behind in memory, per shard; then it reads the log."));
  k.push_back(count(s, "chunk_records", AT(limits.chunk_records), 1, 1'000'000, "records",
                    "Records that a source hands over at once."));
  k.push_back(
      size(s, "chunk_bytes", AT(limits.chunk_bytes), 4 * kib, 64 * mib, "Bytes that a source hands over at once."));
  k.push_back(count(s, "attempts", AT(limits.attempts), 1, 100, "attempts",
                    "Tries per position before the batch is split and the record that fails becomes a dead letter."));
  k.push_back(size(s, "statement_bytes", AT(limits.statement_bytes), 256, 32 * kib, "The longest SQL statement."));
  k.push_back(count(s, "sql_result_rows", AT(limits.sql_result_rows), 1, 10'000'000, "rows",
                    "Rows that one SQL query answers at most."));
}

void add_kafka_sources(std::vector<config_key>& k) {
  const std::string_view s = "sources.kafka";
  k.push_back(texts(s, "allow", AT(sources.kafka_allow),
                    "Brokers that Kafka sources may read from, each as 'host:port,host:port'; those of the log may "
                    "always be read."));
  k.push_back(duration(s, "timeout", AT(sources.kafka_timeout_us), 100 * us_per_ms, 10 * minute,
                       "How long a call waits for the brokers; less than half of node.stall_timeout."));
  k.push_back(size(s, "buffer", AT(sources.kafka_buffer_bytes), 64 * kib, gib,
                   "What is fetched ahead of ingest, per partition."));
  k.push_back(duration(s, "look_interval", AT(sources.kafka_look_us), 100 * us_per_ms, us_per_day,
                       "How often new partitions of a topic are looked for."));
  k.push_back(
      words(s, "registry", AT(sources.kafka_registry), 0, 4096,
            "Where schemas of Avro records are: a schema registry, 'http://host:port' or https, or a folder with files "
            "named by their number, 'ID.avsc', relative to this file."));
  k.push_back(words(s, "registry_user", AT(sources.registry_user), 0, 256, "The registry's user; empty: none."));
  k.push_back(words(s, "registry_password_file", AT(sources.registry_password_file), 0, 4096,
                    "A file whose first line is that user's password; relative to this file."));
  k.push_back(
      words(s, "registry_ca", AT(sources.registry_ca), 0, 4096,
            "Certificates (PEM) that the registry's must lead to, relative to this file; empty: the system's."));
  k.push_back(choice(s, "protocol", AT(sources.kafka.protocol), {"plaintext", "ssl", "sasl_plaintext", "sasl_ssl"},
                     "As in [log.kafka]; it and the keys below are for brokers that are not the log's."));
  k.push_back(choice(s, "mechanism", AT(sources.kafka.mechanism), {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"},
                     "How the user is proven, with sasl_plaintext and sasl_ssl."));
  k.push_back(words(s, "user", AT(sources.kafka.user), 0, 256, "The user, with sasl_plaintext and sasl_ssl."));
  k.push_back(words(s, "password_file", AT(sources.kafka.password_file), 0, 4096,
                    "A file whose first line is the user's password; relative to this file."));
  k.push_back(words(s, "ca", AT(sources.kafka.ca), 0, 4096,
                    "Certificates (PEM) that the brokers' must lead to, relative to this file; empty: the system's."));
}

void add_sources(std::vector<config_key>& k) {
  std::string_view s = "sources";
  k.push_back(duration(s, "restart_min", AT(sources.restart_min_us), us_per_ms, hour,
                       "First wait before a failed source is tried again; it doubles with each failure."));
  k.push_back(duration(s, "restart_max", AT(sources.restart_max_us), us_per_ms, us_per_day,
                       "The longest wait between two tries."));
  k.push_back(count(s, "restart_budget", AT(sources.restart_budget), 1, 1'000'000, "restarts",
                    "Failures within restart_window after which a source is tried every restart_max only."));
  k.push_back(
      duration(s, "restart_window", AT(sources.restart_window_us), us_per_s, 30 * us_per_day, "See restart_budget."));
  k.push_back(count(s, "tests", AT(sources.tests), 1, 64, "tests", "Sources that are tried at the same time."));
  k.push_back(duration(s, "test_timeout", AT(sources.test_timeout_us), 100 * us_per_ms, minute,
                       "How long a source that is tried may take to bring its first records."));
  k.push_back(
      words(s, "descriptors", AT(sources.descriptors), 0, 4096,
            "A folder with descriptor sets of Protobuf (protoc --include_imports), relative to this file; empty: "
            "none."));
  s = "sources.file";
  k.push_back(texts(s, "allow", AT(sources.file_allow),
                    "Folders that file sources may read, relative to this file; empty: none."));
  k.push_back(duration(s, "poll_interval", AT(sources.file_poll_interval_us), 10 * us_per_ms, hour,
                       "How often a followed file or folder is looked at."));
  s = "sources.mqtt";
  k.push_back(texts(s, "allow", AT(sources.mqtt_allow),
                    "Brokers that MQTT sources may reach, as 'broker.example:8883'; empty: none."));
  k.push_back(texts(s, "folders", AT(sources.mqtt_folders),
                    "Folders with their passwords, certificates and keys, relative to this file; empty: none."));
  k.push_back(duration(s, "connect_timeout", AT(sources.mqtt_connect_timeout_us), 100 * us_per_ms, hour,
                       "How long a broker may take to accept a connection, or to answer a request."));
  k.push_back(size(s, "buffer", AT(sources.mqtt_buffer_bytes), 64 * kib, gib,
                   "Messages of one source that wait for ingest; then its broker waits."));
  add_kafka_sources(k);
}

void add_http(std::vector<config_key>& k) {
  const std::string_view s = "http";
  k.push_back(
      duration(s, "quiet_after", AT(http.quiet_after_us), us_per_s, 30 * us_per_day,
               "Silence after which a source filled by POST holds no windows back, if its stream has no idle."));
  k.push_back(duration(s, "idempotency_window", AT(http.idempotency_window_us), us_per_s, 365 * us_per_day,
                       "How long an Idempotency-Key and its answer are kept."));
  k.push_back(count(s, "idempotency_keys", AT(http.idempotency_keys), 1, 100'000'000, "keys",
                    "Keys kept per shard; beyond it the oldest go before their time."));
  k.push_back(size(s, "pending_bytes", AT(http.pending_bytes), mib, 64 * gib,
                   "Bodies that wait for their commit; then requests are told to come again."));
}

void add_supervision(std::vector<config_key>& k) {
  const std::string_view s = "supervision";
  k.push_back(duration(s, "restart_min", AT(supervision.restart_min_us), us_per_ms, hour,
                       "First wait before a failed shard is started again; it doubles with each failure."));
  k.push_back(duration(s, "restart_max", AT(supervision.restart_max_us), us_per_ms, us_per_day,
                       "The longest wait between two starts."));
  k.push_back(count(s, "restart_budget", AT(supervision.restart_budget), 1, 1'000'000, "restarts",
                    "Failures of a shard within restart_window after which the node is no longer live."));
  k.push_back(duration(s, "restart_window", AT(supervision.restart_window_us), us_per_s, 30 * us_per_day,
                       "See restart_budget."));
  k.push_back(duration(s, "watch_interval", AT(supervision.watch_interval_us), 10 * us_per_ms, minute,
                       "How often hung jobs are looked for."));
}

void add_cluster(std::vector<config_key>& k) {
  const std::string_view s = "cluster";
  k.push_back(words(s, "host", AT(cluster.host), 1, 255,
                    "Address on which the other nodes of the app notice this one's end; it must be theirs to reach."));
  k.push_back(count(s, "port", AT(cluster.port), 0, 65'535, "TCP port", "Its port; 0: a free one."));
  k.push_back(duration(s, "heartbeat_interval", AT(cluster.heartbeat_interval_us), 50 * us_per_ms, 500 * us_per_ms,
                       "How often a node says that it is there."));
  k.push_back(duration(s, "lease", AT(cluster.lease_us), us_per_s, 5 * minute,
                       "Silence after which a node counts as gone and a standby takes its shards."));
  k.push_back(duration(s, "suspicion", AT(cluster.suspicion_us), 50 * us_per_ms, minute,
                       "How long a node that can no longer be reached may take to answer in the control log."));
}

void add_gateway(std::vector<config_key>& k) {
  const std::string_view s = "gateway";
  k.push_back(words(s, "host", AT(gateway.host), 1, 255, "Address that the HTTP server listens on."));
  k.push_back(count(s, "port", AT(gateway.port), 0, 65'535, "TCP port", "Its port; 0: a free one."));
  k.push_back(count(s, "threads", AT(gateway.threads), 1, 64, "threads", "Threads that serve requests."));
  k.push_back(words(s, "token", AT(gateway.token), 0, 512,
                    "What clients must send as bearer token; empty: one is generated into data_dir/token."));
  k.push_back(texts(s, "allowed_hosts", AT(gateway.allowed_hosts),
                    "Host headers that are served beside the loopback names and `host`, as 'weir.example:8420'."));
  k.push_back(texts(s, "allowed_origins", AT(gateway.allowed_origins),
                    "Web origins that may call the API beside the node's own, as 'https://example.org'."));
  k.push_back(flag(s, "metrics_open", AT(gateway.metrics_open), "Serves /metrics without a token."));
  k.push_back(count(s, "max_connections", AT(gateway.max_connections), 1, 1'000'000, "connections",
                    "Open connections; more are refused."));
  k.push_back(size(s, "max_request_bytes", AT(gateway.max_request_bytes), kib, gib, "The largest request body."));
  k.push_back(size(s, "max_inflated_bytes", AT(gateway.max_inflated_bytes), kib, gib,
                   "The largest body of records after its gzip was inflated."));
  k.push_back(count(s, "max_request_lines", AT(gateway.max_request_lines), 1, 100'000'000, "lines",
                    "Lines of one body of records."));
  k.push_back(duration(s, "header_timeout", AT(gateway.header_timeout_us), 100 * us_per_ms, hour,
                       "How long a client may take to send a request's header."));
  k.push_back(duration(s, "idle_timeout", AT(gateway.idle_timeout_us), us_per_s, us_per_day,
                       "How long a connection may be silent."));
  k.push_back(duration(s, "write_timeout", AT(gateway.write_timeout_us), 100 * us_per_ms, hour,
                       "How long a client may take to read a part of an answer."));
  k.push_back(count(s, "max_subscriptions", AT(gateway.max_subscriptions), 1, 1'000'000, "subscriptions",
                    "Live subscriptions of the node."));
  k.push_back(count(s, "max_backlog_rows", AT(gateway.max_backlog_rows), 1, 1'000'000'000, "rows",
                    "Rows a subscriber may be behind; then they are skipped, counted, and it is told."));
  k.push_back(count(s, "busy_messages", AT(gateway.busy_messages), 0, 1'000'000, "messages",
                    "Live messages a second and core while ingest and pipelines need half of the cores. 0: no limit."));
}

#undef AT

std::vector<config_key> make_keys() {
  std::vector<config_key> k;
  add_node(k);
  add_log(k);
  add_kafka(k);
  add_limits(k);
  add_sources(k);
  add_http(k);
  add_supervision(k);
  add_cluster(k);
  add_gateway(k);
  return k;
}

// A TOML basic string: defaults hold nothing that would need an escape beyond these.
std::string toml_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string amount(const config_key& key, std::int64_t value) {
  switch (key.type) {
    case key_type::duration: return toml_text(format_duration(value));
    case key_type::size: return toml_text(format_size(value));
    default: return fmt::format("{}", value);
  }
}

}  // namespace

std::span<const config_section> config_sections() {
  static constexpr config_section sections[] = {
      {"node", "This node."},
      {"log", "The log that holds every record."},
      {"log.kafka", "The log on Apache Kafka, where log.kind says so."},
      {"commit", "How often a shard commits."},
      {"limits", "Every queue, table and statement has a limit."},
      {"sources", "Sources that fail are restarted with growing waits."},
      {"sources.file", "Sources that read files."},
      {"sources.mqtt", "Sources that subscribe to topics of MQTT brokers."},
      {"sources.kafka", "Sources that read topics which others write on Apache Kafka."},
      {"http", "Records that come by POST."},
      {"supervision", "Shards that fail are restarted with growing waits."},
      {"cluster", "Nodes that share an app, on Apache Kafka: one owns the shards, the others stand by."},
      {"gateway", "HTTP, WebSocket and the dashboard."},
  };
  return sections;
}

std::span<const config_key> config_keys() {
  static const std::vector<config_key> keys = make_keys();
  return keys;
}

std::string default_of(const config_key& key) {
  config c;
  switch (key.place.index()) {
    case 0: return amount(key, std::get<0>(key.place)(c));
    case 1: return std::get<1>(key.place)(c) ? "true" : "false";
    case 2: return toml_text(std::get<2>(key.place)(c));
    default: break;
  }
  std::vector<std::string> items;
  for (const std::string& item : std::get<3>(key.place)(c)) items.push_back(toml_text(item));
  return fmt::format("[{}]", fmt::join(items, ", "));
}

std::string allowed_of(const config_key& key) {
  switch (key.type) {
    case key_type::choice: return fmt::format("{}", fmt::join(key.choices, ", "));
    case key_type::boolean: return "true or false";
    case key_type::text: return fmt::format("text of {} to {} bytes", key.minimum, key.maximum);
    case key_type::name: return fmt::format("{} to {} letters, digits, '-' or '_'", key.minimum, key.maximum);
    case key_type::texts: return fmt::format("a list of at most {} texts", key.maximum);
    case key_type::integer: return fmt::format("{} to {} {}", key.minimum, key.maximum, key.unit);
    case key_type::duration:
      return fmt::format("a length of time, {} to {}", amount(key, key.minimum), amount(key, key.maximum));
    case key_type::size: return fmt::format("a size, {} to {}", amount(key, key.minimum), amount(key, key.maximum));
  }
  return {};
}

std::string comment_of(const config_key& key) {
  return fmt::format("# {}\n# {}. Default: {}\n", key.description, allowed_of(key), default_of(key));
}

std::string render_default_config() {
  std::string out =
      "# weir's configuration. Every key stands here with its default, what is allowed and what it is for; a key that "
      "is\n"
      "# left out has its default. Lengths of time and sizes are texts with a unit.\n";
  for (const config_section& section : config_sections()) {
    out += fmt::format("\n# {}\n[{}]\n", section.description, section.name);
    for (const config_key& key : config_keys()) {
      if (key.section == section.name) out += fmt::format("{}{} = {}\n", comment_of(key), key.name, default_of(key));
    }
  }
  return out;
}

}  // namespace weir

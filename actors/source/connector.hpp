// The one interface behind which every kind of source stands. A connector reads its instrument or files; the source
// actor around it (actors/source_actor.hpp) paces it, hands what it read to the shard's ingest, and restarts it.
//
// A connector is a plain class: no mailbox, no threads of its own unless its medium needs one. pull() may block on
// disk, never for longer than `pull_limits::max_wait`.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/format/framer.hpp"
#include "runtime/format/record_decoder.hpp"
#include "runtime/result.hpp"

namespace weir {

class external_topics;
class io_thread;

// What a user says of a source: `weir source add NAME --stream S --connector file --option path=...`, [[source]] in
// config.toml, POST /v1/sources.
struct source_spec {
  std::string name;  // [A-Za-z0-9._-], at most 128 characters; unique in the app
  std::string stream;
  std::string connector;  // file, simulate, mqtt, kafka, http
  std::map<std::string, std::string> options;

  bool operator==(const source_spec&) const = default;
};

struct pull_limits {
  std::size_t max_records = 4096;
  std::size_t max_bytes = 1 << 20;
  std::chrono::milliseconds max_wait{0};
};

// What one pull brought: taken by ingest as a whole or not at all, together with `position`.
struct source_chunk {
  raw_records records;
  std::vector<frame_failure> failures;  // what could not be framed: dead letters
  std::string format;                   // of these records, when the source names another than its stream; else empty
  std::string context;                  // see framer::context
  std::string position;                 // opaque; where to resume after this chunk
  bool ended = false;                   // nothing will ever follow (a file that is not followed)
  bool moved = false;                   // without records: the position is worth keeping all the same
  bool took_all = false;                // of what was there; what comes now will be told by connector_context::wake
  std::string progress;                 // for people: "file 3 of 12, 45 %"; may be empty
  // Of a chunk without records: the source is asked again after pauses that grow from the one to the other.
  std::chrono::microseconds least_pause{5'000}, longest_pause{200'000};
};

class connector {
 public:
  virtual ~connector() = default;
  // position: what the last accepted chunk carried; empty for a source that has never delivered.
  virtual status open(std::string_view position) = 0;
  // The next records; an empty chunk means: nothing for now. An error puts the source into back-off; after it the
  // connector is destroyed, made anew and opened at the last accepted position.
  virtual result<source_chunk> pull(const pull_limits& limits) = 0;
  // The n-th chunk with content that pull() gave, counted from 1, is committed: what it held may be acknowledged.
  // Never called for chunks of another connector. May come while pull() runs on another thread.
  virtual void committed(std::uint64_t /*chunk*/) {}
  // Whether somebody waits for committed(): the source then ends only when what it handed over is committed.
  virtual bool acknowledges() const { return false; }
  // False while it has not reached its instrument yet. Any thread.
  virtual bool connected() const { return true; }
};

// What MQTT sources may reach, and what they share.
struct mqtt_context {
  std::vector<std::string> brokers;  // "host:port"
  std::vector<std::string> folders;  // of passwords, certificates and keys: absolute, resolved
  std::int64_t connect_timeout_us = 10'000'000;
  std::size_t buffer_bytes = std::size_t{4} << 20;  // of messages that wait for ingest, per source
  std::shared_ptr<io_thread> network;
};

// What Kafka sources may reach.
struct kafka_context {
  std::vector<std::string> brokers;  // as sources may name them, "host:port,host:port"; the first is the default
  // The client for one of them, which its sources share. Any thread.
  std::function<result<std::shared_ptr<external_topics>>(const std::string& brokers)> open;
  bool has_schemas = false;  // a registry or a folder of schemas is configured
  // The schema that a registry has under the number; not_found: it has none. Any thread; may ask over the network.
  std::function<result<std::string>(std::uint32_t id)> schema_of;
};

// What the node allows and gives to connectors.
struct connector_context {
  std::vector<std::string> allowed_folders;  // file: absolute, resolved; nothing outside of them is read
  std::string app = "weir";
  std::size_t max_record_bytes = 1 << 20;
  std::int64_t file_poll_interval_us = 1'000'000;  // file: how often a silent file or folder is looked at
  format_spec stream_format;                       // of the stream the source writes to
  // Only to see whether it works: nobody may notice (sessions, client names, acknowledgements).
  bool trial = false;
  mqtt_context mqtt;
  kafka_context kafka;
  // Pull again: there may be more. Any thread; may be empty. For connectors whose records come by themselves.
  std::function<void()> wake;
  // Wall clock in microseconds; simulate paces itself by it.
  std::int64_t (*now_us)() = nullptr;
};

// Connector names and their options, for errors, completion and the API's documentation.
struct connector_option {
  std::string name;
  std::string description;
  bool required = false;
  std::string default_value;
  bool secret = false;  // never shown again
};
struct connector_kind {
  std::string name;
  std::string description;
  std::string guarantee;  // "exactly once", ...
  std::vector<connector_option> options;
  bool pushed = false;  // records come by themselves: the node starts no actor for such a source
};
const std::vector<connector_kind>& connector_kinds();
// What this source guarantees, with its options.
std::string guarantee_of(const source_spec& spec);
// Its options for people's eyes: secret values are masked.
std::map<std::string, std::string> shown_options(const source_spec& spec);

bool is_pushed(std::string_view connector);

// Checks everything that can be checked without opening: the kind, its options' names and values, allowed folders.
status check_source(const source_spec& spec, const connector_context& context);
result<std::unique_ptr<connector>> make_connector(const source_spec& spec, const connector_context& context);

}  // namespace weir

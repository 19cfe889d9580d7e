#include "tests/fuzz/fuzz_target.hpp"

namespace weir::fuzz {

std::span<const target> targets() {
  static constexpr target all[] = {
      {"json", run_json},                  // records to columns, columns to views, rows back to JSON and CSV
      {"csv", run_csv},                    // the same from a file with its header
      {"isd", run_isd},                    // the same from fixed-width reports
      {"avro", run_avro},                  // schemas, and records that were written with them, to rows
      {"protobuf", run_protobuf},          // descriptor sets, frames, and messages to rows
      {"framing", run_framing},            // bytes to records, in pieces and resumed
      {"gzip", run_gzip},                  // inflating in pieces
      {"values", run_values},              // texts to times, numbers, intervals
      {"keys", run_keys},                  // keys of tables and stored values
      {"sql", run_sql},                    // statements to plans, plans over rows
      {"http", run_http},                  // a request to its answer: URL, headers, arguments, body
      {"websocket", run_websocket},        // a client's messages to what is said to it
      {"mqtt", run_mqtt},                  // a broker's bytes to packets, messages and answers
      {"stamps", run_stamps},              // records to numbers, event times, lateness and clocks
      {"stored_batch", run_stored_batch},  // values of the embedded log
      {"stream_entry", run_stream_entry},  // entries of stream topics, as a task reads them
      {"view_state", run_view_state},      // state entries of views and partial groups
      {"shard_state", run_shard_state},    // state of ingest and tasks, entries of view and shuffle topics
      {"control", run_control},            // records of the control log, planned
      {"tokens", run_tokens},              // resume and page tokens, sessions
      {"positions", run_positions},        // where a file source stands
      {"config", run_config},              // config.toml
  };
  return all;
}

}  // namespace weir::fuzz

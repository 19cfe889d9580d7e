// What the gateway asks of the node. The gateway (HTTP, WebSocket, SSE) knows nothing of actors or shards; the node
// implements this over its actors, tests implement it with a fake.
//
// Calls come from the gateway's threads and never block for longer than a table read; what must wait (a command that is
// answered when the control log's fold has applied it) answers through `reply`, once, from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/gateway/live_rows.hpp"
#include "runtime/format/body_media.hpp"
#include "runtime/result.hpp"

namespace weir {

// Paging: at most `limit` items after the opaque `after`; the answer is {"items":[...],"next":"..."|null}.
struct page_request {
  std::size_t limit = 100;
  std::string after;
};

struct row_query {
  page_request page;
  std::map<std::string, std::string> key;  // column=value: the first key columns, in order, exactly
  std::optional<std::string> from, to;     // range of the key column that follows: from <= value < to
  bool newest_first = false;
};

struct source_request {
  std::string name, stream, connector;
  std::map<std::string, std::string> options;
};

// The body of a POST to a stream.
struct posted_records {
  std::string stream;
  std::string source;  // empty: one of the stream's virtual sources
  std::string key;     // idempotency key; empty: none
  body_media media = body_media::json;
  std::string body;
};

struct pipeline_request {
  std::string name, sql;
  bool replace = false;
  bool from_beginning = true;
};

// Reads a view's committed rows onwards from a position. Used by one thread at a time.
class live_cursor {
 public:
  virtual ~live_cursor() = default;
  // The next rows, at most about max_rows; empty: none for now. offset_out_of_range: the position is gone (retention,
  // a range lost in a power failure): the subscriber must be told and start anew.
  virtual result<live_rows> next(std::size_t max_rows) = 0;
  // The token to resume from after the rows handed out so far: opaque, URL-safe.
  virtual std::string token() const = 0;
  // Rows that wait; how far a slow client is behind.
  virtual std::uint64_t backlog() const = 0;
  // Goes to the end of the view, over what waits; answers how many rows that were (they are counted as shed).
  virtual std::uint64_t skip_to_end() = 0;
  // `wake` is called (from any thread, possibly often) when there may be more. Cleared by destroying the cursor.
  virtual void on_more(std::function<void()> wake) = 0;
};

struct health {
  bool ok = false;
  std::vector<std::pair<std::string, std::string>> checks;  // name -> "ok", "ok, ..." or what is wrong
};

class node_api {
 public:
  virtual ~node_api() = default;
  using json = nlohmann::json;
  using reply = std::function<void(result<json>)>;

  virtual json node_status() = 0;  // version, uptime_s, log, shards with state, counts
  virtual json list_streams() = 0;
  virtual result<json> get_stream(std::string_view name) = 0;
  // Records of a stream as {"source","sequence","event_time","arrival","late","record"} (record: text, or base64 in
  // "record_base64" when it is no UTF-8), newest page or after a position.
  virtual result<json> stream_records(std::string_view name, const page_request& page) = 0;

  // Answered after the commit, or with an error that says whether to come again: {"stream","source","shard",
  // "first_number","accepted","dead","late","first_reason","repeated"}. unsupported: not a body for this stream;
  // unknown_outcome: it may or may not be committed, the same request with the same key tells.
  virtual void post_records(posted_records records, reply done) = 0;

  // By name, each with group (of a stream's virtual sources), stream, connector, options, state, rate, lag, last_error,
  // next_try, position.
  virtual json list_sources(const page_request& page) = 0;
  virtual result<json> get_source(std::string_view name) = 0;
  virtual void add_sources(std::vector<source_request> sources, reply done) = 0;  // together: they open at one cut
  // Tries a source without adding it (or one that is there: only `name` is given): what its first records become.
  virtual void test_source(source_request source, reply done) = 0;
  virtual void set_source_paused(std::string name, bool paused, reply done) = 0;
  virtual void remove_source(std::string name, reply done) = 0;
  virtual json connector_kinds() = 0;

  virtual json list_views() = 0;
  virtual result<json> get_view(std::string_view name) = 0;  // schema, key columns, kind, sql, pipeline
  virtual result<json> view_rows(std::string_view name, const row_query& query) = 0;
  virtual result<json> query(std::string_view sql) = 0;  // {"columns":[{name,type}],"rows":[[...]]}
  // token empty: from now on; "start": from the beginning.
  virtual result<std::unique_ptr<live_cursor>> open_live(std::string_view view, std::string_view token) = 0;

  virtual json list_pipelines() = 0;
  virtual result<json> get_pipeline(std::string_view name) = 0;
  virtual void apply_pipeline(pipeline_request request, reply done) = 0;
  virtual void drop_pipeline(std::string name, reply done) = 0;
  virtual void resume_pipeline(std::string name, reply done) = 0;  // a quarantined one tries again
  virtual json validate_sql(std::string_view sql) = 0;             // {"ok":bool,"errors":[...],"plan":[...]}

  // Dead letters of a stream (or of a view: its refused rows; late ones with `late`): id, reason, source, sequence,
  // event_time, record.
  virtual result<json> dead_letters(std::string_view name, bool late, const page_request& page) = 0;
  virtual result<json> get_dead_letter(std::string_view name, std::string_view id) = 0;
  // Sends the record (or its corrected `record`) through ingest again, as a new record of the source "retry".
  virtual void retry_dead_letter(std::string name, std::string id, std::optional<std::string> record, reply done) = 0;

  virtual std::string metrics_text() = 0;  // Prometheus text format
  virtual health live() = 0;               // the node makes progress
  virtual health ready() = 0;              // ... and everything it should run, runs
};

}  // namespace weir

// The log: what weir needs of Apache Kafka, of the embedded log, and of the simulated one (DESIGN §4).
//
// A topic has partitions; a partition is a sequence of entries with rising offsets. Offsets of an append topic may jump
// (transaction markers, a reserved block after a power loss); offsets of a compacted topic do, wherever an entry was
// replaced by a later one of the same key. Nothing is visible before its transaction has committed.
//
// Thread safety: `event_log` may be called from any thread; a reader or a writer is used by one thread at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/result.hpp"

namespace weir {

enum class topic_kind : std::uint8_t {
  append,     // keeps everything until retention drops the oldest; reading below the start fails loudly
  compacted,  // keeps at least the latest entry per key and partition; an entry without a value deletes its key
};

struct topic_config {
  std::string name;  // [A-Za-z0-9._-], at most 200 characters
  int partitions = 1;
  topic_kind kind = topic_kind::append;
  std::int64_t retention_ms = 7LL * 24 * 3600 * 1000;        // append topics only; 0: for ever
  std::int64_t retention_bytes = 10LL * 1024 * 1024 * 1024;  // append topics only, over all partitions; 0: no limit

  bool operator==(const topic_config&) const = default;
};

// One entry to append. The views must stay valid until commit() returns.
struct log_append {
  std::string_view topic;
  int partition = 0;
  std::string_view key;                   // empty: no key; required in compacted topics
  std::optional<std::string_view> value;  // none: a tombstone, in compacted topics only
  std::string_view header;                // small, opaque; travels beside the value
  std::int64_t timestamp_us = 0;          // event time, microseconds since 1970
};

struct log_entry {
  std::int64_t offset = 0;
  std::string key;
  std::optional<std::string> value;
  std::string header;
  std::int64_t timestamp_us = 0;
};

struct log_bounds {
  std::int64_t start = 0;  // the first offset that can be read
  std::int64_t end = 0;    // the offset that the next committed entry gets at least
};

// Reads committed entries of one partition in the order of their offsets.
class log_reader {
 public:
  virtual ~log_reader() = default;
  // The next entries, at least one if there is any, at most about max_bytes. An empty answer means: at the end for now.
  // errc::offset_out_of_range when retention (or a loss) has passed the position: never a silent skip.
  virtual result<std::vector<log_entry>> fetch(std::size_t max_bytes) = 0;
  // The offset that fetch() goes on from.
  virtual std::int64_t position() const = 0;
};

class log_writer {
 public:
  virtual ~log_writer() = default;
  // All or nothing. Answers the offset given to each append, in their order; readers may see them a little later (in
  // Kafka, and in the simulated log on order), at the latest when this writer's id is opened again. Errors:
  //   rejected         nothing stands (an entry over the limit, an unknown topic); the writer stays usable
  //   no_space, unavailable
  //                    nothing stands; may work later: a full disk, brokers that do not answer
  //   fenced           another owner opened this id; nothing stands; this writer is dead
  //   unknown_outcome  it may stand or not; this writer is dead; open the id again and read to learn which (PROTOCOL 8)
  virtual result<std::vector<std::int64_t>> commit(std::span<const log_append> batch) = 0;
  // Until when the log is busy with the end of the last commit: one that begins sooner ends later than one that waits.
  virtual std::chrono::steady_clock::time_point rests_until() const { return {}; }
};

class event_log {
 public:
  virtual ~event_log() = default;
  // Makes the topic, or checks that one of this name has the same partitions and kind (conflict otherwise); another
  // retention becomes the topic's.
  virtual status create_topic(const topic_config& config) = 0;
  // Drops a topic and all it holds; not_found when there is none.
  virtual status drop_topic(std::string_view name) = 0;
  virtual result<std::vector<topic_config>> topics() = 0;
  virtual result<log_bounds> bounds(std::string_view topic, int partition) = 0;
  // from: an offset between the partition's start and end; a compacted topic may also be read from 0 at any time.
  // Otherwise errc::offset_out_of_range, as for an offset whose entries a power failure took.
  virtual result<std::unique_ptr<log_reader>> read(std::string_view topic, int partition, std::int64_t from) = 0;
  // Where read() begins to have everything from `offset` on, for who goes back in a topic and has not seen what lies
  // there: `offset`, or the begin of the range that a power failure took it with.
  virtual result<std::int64_t> begin_of(std::string_view topic, int partition, std::int64_t offset) = 0;
  // Opens the writer of a stable id (1 to 200 characters) and fences any older owner of it (DESIGN §3.4). When it
  // answers, whatever the older owner committed can be read, and nothing more of it will ever stand.
  virtual result<std::unique_ptr<log_writer>> open_writer(std::string_view id) = 0;
  // The largest key + value + header of one entry.
  virtual std::size_t max_entry_bytes() const = 0;
};

}  // namespace weir

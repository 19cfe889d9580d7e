// Topics that others write (DESIGN §4, external topics): their partitions, and readers of them.
//
// A reader hands on committed records only (read_committed) and never moves its position by itself: a position that the
// log no longer holds is an error. It fetches ahead, at most `buffer_bytes` per partition and one fetch more.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/log/log.hpp"
#include "runtime/result.hpp"

namespace weir {

struct external_options {
  std::string brokers;                          // "host:port,host:port"
  std::map<std::string, std::string> security;  // librdkafka's own names
  std::chrono::milliseconds timeout{4'000};     // of one call
  std::size_t buffer_bytes = std::size_t{8} << 20;
  std::function<void(int level, std::string_view message)> on_message;  // what the library says; may be empty
};

// Views into the reader, valid until it is polled again or ends.
struct external_record {
  std::int64_t offset = 0;
  std::int64_t timestamp_us = 0;  // as the producer or the broker gave it, to the millisecond; 0: none
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;  // none: a tombstone
};

// One thread at a time.
class external_reader {
 public:
  virtual ~external_reader() = default;
  // Hands on what has come, without waiting, until `take` answers that it wants no more. Troubles that pass are waited
  // out. Errors: offset_out_of_range, not_found (no such topic or partition now), permission_denied, corrupt (a batch
  // that cannot be read).
  virtual status poll(const std::function<bool(const external_record&)>& take) = 0;
  // The offset behind the last record, or behind what stands after it and is no record.
  virtual std::int64_t position() const = 0;
  // Nothing committed stood behind position() when the brokers were heard last.
  virtual bool at_end() const = 0;
};

// Thread-safe.
class external_topics {
 public:
  virtual ~external_topics() = default;
  // How many partitions the topic has. errc::not_found when there is none of this name.
  virtual result<int> partitions(const std::string& topic) = 0;
  // Start and last stable offset of a partition; not_found for one that is not there.
  virtual result<log_bounds> bounds(const std::string& topic, int partition) = 0;
  // Of partitions 0 to count - 1: the first offset whose record has this time or a later one (milliseconds since 1970),
  // the end where there is none; none given: the ends.
  virtual result<std::vector<std::int64_t>> offsets(const std::string& topic, int count,
                                                    std::optional<std::int64_t> since_ms) = 0;
  // Reads from `from` on. `wake`: there is something to poll; called on a thread of the library, never after the
  // reader's end.
  virtual result<std::unique_ptr<external_reader>> read(const std::string& topic, int partition, std::int64_t from,
                                                        std::function<void()> wake) = 0;
};

// One client with its connections; readers keep it. invalid_argument for settings that the library does not take.
result<std::shared_ptr<external_topics>> open_external_topics(external_options options);

}  // namespace weir

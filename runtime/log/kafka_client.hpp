// librdkafka's objects with their ends, its errors as ours, and one client of the brokers.
#pragma once

#include <librdkafka/rdkafka.h>

#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "runtime/log/kafka_log.hpp"

namespace weir::kafka {

template <auto destroy>
struct destroyer {
  template <class T>
  void operator()(T* object) const {
    destroy(object);
  }
};
using topic_ptr = std::unique_ptr<rd_kafka_topic_t, destroyer<rd_kafka_topic_destroy>>;
using queue_ptr = std::unique_ptr<rd_kafka_queue_t, destroyer<rd_kafka_queue_destroy>>;
using event_ptr = std::unique_ptr<rd_kafka_event_t, destroyer<rd_kafka_event_destroy>>;
using error_ptr = std::unique_ptr<rd_kafka_error_t, destroyer<rd_kafka_error_destroy>>;
using headers_ptr = std::unique_ptr<rd_kafka_headers_t, destroyer<rd_kafka_headers_destroy>>;
using message_ptr = std::unique_ptr<rd_kafka_message_t, destroyer<rd_kafka_message_destroy>>;
using metadata_ptr = std::unique_ptr<const rd_kafka_metadata_t, destroyer<rd_kafka_metadata_destroy>>;
using partitions_ptr =
    std::unique_ptr<rd_kafka_topic_partition_list_t, destroyer<rd_kafka_topic_partition_list_destroy>>;

// The moment when a call must have ended.
class time_limit {
 public:
  explicit time_limit(std::chrono::milliseconds from_now) : end_(std::chrono::steady_clock::now() + from_now) {}
  bool over() const { return left_ms() == 0; }
  // What is left, at most `most`.
  int left_ms(int most = 1 << 30) const;

 private:
  std::chrono::steady_clock::time_point end_;
};

// What an error of the library or of the brokers is to us.
errc code_of(rd_kafka_resp_err_t code);
// May the same call succeed later?
bool is_passing(rd_kafka_resp_err_t code);
std::string text_of(rd_kafka_resp_err_t code);

// Hears what became of each message, on the thread that flushes.
class delivery_listener {
 public:
  virtual ~delivery_listener() = default;
  virtual void delivered(const rd_kafka_message_t& message) = 0;
};

// For client::offset_at.
inline constexpr std::int64_t partition_start = -2, partition_end = -1;

struct client_setting {
  std::string name, value;
};

// One instance of the library: threads and connections. Thread-safe as the library is.
class client {
 public:
  // Fails for settings that the library does not take; it connects in the background.
  static result<std::unique_ptr<client>> open(rd_kafka_type_t type, const kafka_log_options& options,
                                              const std::vector<client_setting>& settings,
                                              delivery_listener* listener = nullptr);

  rd_kafka_t* get() const { return instance_.get(); }
  queue_ptr make_queue() const { return queue_ptr(rd_kafka_queue_new(get())); }
  // The topic, with its partitions and their leaders known.
  result<topic_ptr> topic(const std::string& name, const time_limit& limit) const;
  // The first offset whose entry was appended at `when` (milliseconds) or later, or the partition's start or end; none
  // when all entries are older. Asks again while the brokers have passing troubles.
  result<std::optional<std::int64_t>> offset_at(const std::string& topic, int partition, std::int64_t when,
                                                const time_limit& limit) const;
  // Makes the library look again at once what to fetch of the partition: after its buffer was full it would only do so
  // when a second has passed. Any request that goes to the partition's leader does it; nobody waits for the answer.
  void look_again(const std::string& topic, int partition) const;
  // An error for a call that did not succeed, with what the connections said last.
  error failed(std::string_view what, rd_kafka_resp_err_t code, std::string_view text = {}) const;

 private:
  client(const kafka_log_options& options, delivery_listener* listener);
  void hear(int code, const char* reason);
  static client& of(void* opaque) { return *static_cast<client*>(opaque); }

  std::string brokers_;
  std::function<void(int, std::string_view)> on_message_;
  delivery_listener* listener_;
  mutable std::mutex mutex_;
  std::string trouble_;
  std::unique_ptr<rd_kafka_t, destroyer<rd_kafka_destroy>> instance_;  // last: its end may still call back
};

}  // namespace weir::kafka

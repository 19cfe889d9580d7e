// Pages of a topic from the newest entry back, over all its partitions.
//
// Logs are read forwards only, so a window below the position is read and turned around; windows grow while they bring
// little. Between partitions the order is by the entries' timestamps, within one it is the log's.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "runtime/log/log.hpp"

namespace weir {

// Entries of one partition below `before`, newest first.
class entries_back {
 public:
  entries_back(event_log& log, std::string topic, int partition, std::int64_t before)
      : log_(log), topic_(std::move(topic)), partition_(partition), before_(before) {}

  // The next older entry without taking it; none: retention or the topic's start has been reached.
  result<const log_entry*> peek();
  void pop() { window_.pop_front(); }

 private:
  status read_window();

  event_log& log_;
  std::string topic_;
  int partition_;
  std::int64_t before_;           // everything from here on has been read
  std::int64_t step_ = 16;        // offsets of the next window
  std::deque<log_entry> window_;  // newest first
};

// Where a list of newest entries goes on: per partition, the offsets below this one.
using back_positions = std::vector<std::int64_t>;

std::string to_page_token(std::string_view topic, const back_positions& at);
// invalid_argument: no token of this topic's list.
result<back_positions> from_page_token(std::string_view topic, int partitions, std::string_view token);
// The ends of all partitions.
result<back_positions> ends_of(event_log& log, std::string_view topic, int partitions);

}  // namespace weir

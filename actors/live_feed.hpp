// The newest entries of a view's topic, read from the log and decoded once for all who follow its end: a thousand
// readers cost one. A reader that is further behind than what is kept here reads the log by itself.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <mutex>

#include "actors/gateway/node_api.hpp"
#include "runtime/log/log.hpp"
#include "runtime/sql/plan.hpp"

namespace weir {

// One entry as readers hand it out.
struct live_entry {
  std::int64_t offset = 0;
  live_row::kind what = live_row::kind::row;
  std::shared_ptr<const std::string> json;  // none: the entry is no row
};
result<live_entry> live_entry_of(const view_plan& plan, log_entry entry);

// Where a reader stands: a position per partition, and the partition whose turn it is.
struct live_place {
  std::vector<std::int64_t> positions;
  std::size_t turn = 0;
  bool operator==(const live_place&) const = default;
};

class live_feed {
 public:
  live_feed(event_log& log, std::string topic, const view_plan& plan, int shards);

  const std::string& topic() const { return topic_; }
  // What follows `position` in one partition, as much as is handed out at a time; empty: nothing for now. None: the
  // position lies before what is kept.
  result<std::optional<std::vector<live_entry>>> read(int shard, std::int64_t position);
  // What a reader at this place was given before, and where it went on to: readers at the end of a view are all at the
  // same place. None: nobody was there lately, or that was more than `most` rows, or another reader is further on: who
  // lags takes all that there is at once, in larger messages.
  struct given_rows {
    live_rows rows;
    live_place behind;
  };
  std::optional<given_rows> given_at(const live_place& place, std::size_t most);
  void keep(live_place place, given_rows given);
  // The partition's end, as it was a moment ago.
  std::int64_t end(int shard);

 private:
  struct lane {
    std::mutex mutex;
    std::unique_ptr<log_reader> reader;
    std::deque<live_entry> kept;
    std::size_t kept_bytes = 0;
    std::int64_t begin = 0, end = 0;  // every entry between these is kept
    std::int64_t known_end = 0;       // of the partition, when it was looked for
    std::optional<std::chrono::steady_clock::time_point> looked_at;
  };
  status reach(lane& l, int shard, std::int64_t position);
  result<bool> extend(lane& l);
  void forget_oldest(lane& l);

  event_log& log_;
  std::string topic_;
  view_plan plan_;
  std::deque<lane> lanes_;
  std::mutex given_mutex_;
  std::deque<std::pair<live_place, given_rows>> given_;  // the newest last
};

// The feeds of a node, each as long as somebody follows it. Any thread.
class live_feeds {
 public:
  std::shared_ptr<live_feed> of(event_log& log, const std::string& topic, const view_plan& plan,
                                std::uint64_t incarnation, int shards);

 private:
  std::mutex mutex_;
  std::map<std::pair<std::string, std::uint64_t>, std::weak_ptr<live_feed>> feeds_;  // by topic and incarnation
};

}  // namespace weir

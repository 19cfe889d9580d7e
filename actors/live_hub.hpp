// Who follows which view: readers register a wake-up, commits wake them. Rows themselves are read from the log, by each
// reader at its own pace, so a slow one holds nobody up.
//
// Kafka shows a commit some milliseconds after it stands, or when an outage is over. So the hub knows how far each
// partition is committed, and a reader that does not see all of it asks to be woken again. Under load followers are
// woken at a pace, topics in turn; what is committed meanwhile they find together.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "actors/live_pace.hpp"

namespace weir {

class live_hub {
 public:
  live_hub() = default;
  ~live_hub();
  live_hub(const live_hub&) = delete;
  live_hub& operator=(const live_hub&) = delete;

  // Before the first follower.
  void set_pace(live_pace pace) { pace_ = std::move(pace); }

  // Until the returned number is given to forget(). `wake` must not block; it is not called after forget() returned.
  std::uint64_t follow(std::string topic, std::function<void()> wake);
  void forget(std::uint64_t follower);
  // Entries below `end` stand. Without `rows` only time has gone on: nobody has anything to send, but who never read on
  // would fall behind.
  void committed(std::string_view topic, int partition, std::int64_t end, bool rows);
  // Whether followers were woken for entries behind these positions, one per partition. Unknown: nothing was committed
  // in this process.
  enum class more { unknown, no, yes };
  more behind(std::string_view topic, const std::vector<std::int64_t>& positions) const;
  // Wakes the follower in a moment; in a longer one each time, until something is committed.
  void wake_again(std::uint64_t follower);
  // Everyone looks: what they read from is no longer told of here.
  void wake_all();
  // The topic was dropped: one of the same name begins anew.
  void forget_ends(std::string_view topic);
  std::size_t followers() const;

  static constexpr std::chrono::milliseconds longest_sleep{1'000};

 private:
  using clock = std::chrono::steady_clock;
  struct one_follower {
    std::function<void()> wake;
    std::chrono::milliseconds patience = first_look_again;
  };
  struct topic_followers {
    std::map<std::uint64_t, one_follower> all;
    clock::time_point woken_at;
    bool waits = false;  // for its turn
  };
  struct topic_ends {
    std::map<int, std::int64_t> committed, told;  // by partition; told: to followers
  };
  static constexpr std::chrono::milliseconds first_look_again{5}, longest_look_again{5'000};

  one_follower* find(std::uint64_t follower);
  void wake(std::string_view topic, clock::time_point now);
  void start_waker();
  void wake_when_due();
  clock::time_point wake_waiting_topics(clock::time_point now);
  clock::time_point wake_followers_again(clock::time_point now);

  mutable std::mutex mutex_;
  std::uint64_t next_ = 1;
  std::map<std::string, topic_followers, std::less<>> followers_;
  std::map<std::uint64_t, std::string> topics_;
  std::map<std::string, topic_ends, std::less<>> ends_;
  live_pace pace_;
  std::deque<std::string> waiting_;                 // topics whose followers the pace holds back
  std::map<std::uint64_t, clock::time_point> due_;  // who is woken again, and when
  std::condition_variable changed_;
  bool ending_ = false;
  std::thread waker_;  // from the first that asks for it
};

}  // namespace weir

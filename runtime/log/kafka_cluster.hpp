// What readers, writers and the log itself share.
#pragma once

#include <thread>

#include "runtime/log/kafka_consumers.hpp"

namespace weir::kafka {

struct cluster {
  cluster(kafka_log_options given, std::unique_ptr<admin> made)
      : options(std::move(given)), brokers(std::move(made)), topics(options, *brokers), consumers(options) {}

  time_limit limit() const { return time_limit(options.timeout); }

  kafka_log_options options;
  std::unique_ptr<admin> brokers;
  catalogue topics;
  consumer_pool consumers;
  std::atomic<int> opening = 0;  // writers that are being opened
};

// Asks again while the answer is that there is no such topic although there is: brokers hear of a new one one after the
// other. errc::not_found when it is gone, errc::unavailable when they do not agree in time.
template <class Ask>
auto ask_until_known(cluster& brokers, const topic_ref& topic, const time_limit& limit, Ask ask) -> decltype(ask()) {
  constexpr std::chrono::milliseconds look_again{20};
  for (;;) {
    auto answer = ask();
    if (answer || answer.error().code != errc::not_found || brokers.topics.is_gone(topic, limit)) return answer;
    answer.error().code = errc::unavailable;
    if (limit.over()) return answer;
    std::this_thread::sleep_for(look_again);
  }
}

}  // namespace weir::kafka

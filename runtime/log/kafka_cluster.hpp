// What readers, writers and the log itself share.
#pragma once

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

}  // namespace weir::kafka

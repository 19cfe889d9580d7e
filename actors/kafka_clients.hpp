// The clients of external Kafkas that this node's sources share: one per list of brokers, made when it is first asked
// for and kept while the node runs.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "runtime/config/config.hpp"
#include "runtime/log/kafka_external.hpp"

namespace weir {

// A password's file. not_found names the key of config.toml.
result<std::string> first_line_of(const std::string& path, std::string_view key);

// What librdkafka is told of users and certificates. not_found when the password's file cannot be read.
result<std::map<std::string, std::string>> kafka_security(const kafka_access& access, std::string_view section);

class kafka_clients {
 public:
  explicit kafka_clients(const config& c) : config_(c) {}

  // Brokers that sources may name; the log's own come first.
  std::vector<std::string> allowed() const;
  // Of the log's brokers with the log's settings, of others with those of [sources.kafka]. Any thread.
  result<std::shared_ptr<external_topics>> open(const std::string& brokers);

 private:
  bool is_log(const std::string& brokers) const;

  config config_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<external_topics>> open_;
};

}  // namespace weir

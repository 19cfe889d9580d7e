// A Kafka for tests: the brokers that WEIR_KAFKA names, and a log on them whose names are a test's own.
#pragma once

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <string>

#include "runtime/log/kafka_log.hpp"
#include "tests/runtime/log/log_under_test.hpp"

namespace weir::test {

// Empty when there is none; an error of the test run where servers are required.
inline std::string kafka_brokers() {
  auto const* const named = std::getenv("WEIR_KAFKA");
  if (named != nullptr && *named != '\0') return named;
  auto const* const required = std::getenv("WEIR_REQUIRE_SERVERS");
  if (required != nullptr && std::string_view(required) == "1")
    throw std::runtime_error("WEIR_KAFKA names no brokers; start one with tools/kafka start");
  return {};
}

// "w1234.5." : of this process and this use.
inline std::string own_prefix() {
  static std::atomic<int> uses = 0;
  return fmt::format("w{}.{}.", ::getpid(), ++uses);
}

inline kafka_log_options kafka_options(std::string brokers, std::string prefix = {}) {
  kafka_log_options options;
  options.brokers = std::move(brokers);
  options.prefix = std::move(prefix);
  auto const* const copies = std::getenv("WEIR_KAFKA_COPIES");  // on three brokers: 3
  options.replication = copies == nullptr ? 1 : std::atoi(copies);
  options.min_insync = (options.replication + 1) / 2;
  options.timeout = options.transaction_timeout = std::chrono::seconds(60);  // no test is about speed
  return options;
}

// Puts a prefix before every name, so that tests that run side by side do not meet. Names that leave no room for it
// pass as they are.
class prefixed_log final : public event_log {
 public:
  prefixed_log(event_log& under, std::string prefix) : under_(under), prefix_(std::move(prefix)) {}

  status create_topic(const topic_config& config) override {
    auto named = config;
    named.name = full(config.name);
    return under_.create_topic(named);
  }
  status drop_topic(std::string_view name) override { return under_.drop_topic(full(name)); }
  result<std::vector<topic_config>> topics() override {
    auto all = under_.topics();
    if (all)
      for (auto& one : *all) one.name.erase(0, prefix_.size());
    return all;
  }
  result<log_bounds> bounds(std::string_view topic, int partition) override {
    return under_.bounds(full(topic), partition);
  }
  result<std::unique_ptr<log_reader>> read(std::string_view topic, int partition, std::int64_t from) override {
    return under_.read(full(topic), partition, from);
  }
  result<std::int64_t> begin_of(std::string_view topic, int partition, std::int64_t offset) override {
    return under_.begin_of(full(topic), partition, offset);
  }
  result<std::unique_ptr<log_writer>> open_writer(std::string_view id) override {
    auto opened = under_.open_writer(full(id));
    if (!opened) return opened;
    return std::make_unique<prefixed_writer>(*this, std::move(*opened));
  }
  std::size_t max_entry_bytes() const override { return under_.max_entry_bytes(); }

 private:
  class prefixed_writer final : public log_writer {
   public:
    prefixed_writer(const prefixed_log& log, std::unique_ptr<log_writer> under) : log_(log), under_(std::move(under)) {}
    result<std::vector<std::int64_t>> commit(std::span<const log_append> batch) override {
      std::vector<std::string> names;
      names.reserve(batch.size());
      std::vector<log_append> named(batch.begin(), batch.end());
      for (auto& one : named) one.topic = names.emplace_back(log_.full(one.topic));
      return under_->commit(named);
    }

   private:
    const prefixed_log& log_;
    std::unique_ptr<log_writer> under_;
  };

  std::string full(std::string_view name) const {
    constexpr std::size_t most = 200;
    if (name.empty() || name.size() + prefix_.size() > most) return std::string(name);
    return prefix_ + std::string(name);
  }

  event_log& under_;
  std::string prefix_;
};

// For the conformance suite. Its topics are dropped at the end.
class kafka_under_test {
 public:
  static constexpr bool commits_lie_together = false;
  // Where one of several brokers had not heard of a topic: the try lies before what stands.
  static bool may_take_a_try_back() { return kafka_options({}).replication > 1; }

  kafka_under_test() { open(); }
  ~kafka_under_test() {
    if (!log_) return;
    auto const left = log_->topics();
    if (!left) return;
    for (auto const& topic : *left) static_cast<void>(log_->drop_topic(topic.name));
  }
  kafka_under_test(const kafka_under_test&) = delete;
  kafka_under_test& operator=(const kafka_under_test&) = delete;

  event_log& log() { return *named_; }
  void reopen() {
    named_.reset();
    log_.reset();
    open();
  }

 private:
  void open() {
    log_ = value_of(open_kafka_log(kafka_options(kafka_brokers(), prefix_)));
    named_ = std::make_unique<prefixed_log>(*log_, prefix_);
  }
  std::string prefix_ = own_prefix();
  std::unique_ptr<event_log> log_;
  std::unique_ptr<prefixed_log> named_;
};

}  // namespace weir::test

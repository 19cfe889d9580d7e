// A log on the brokers with two topics and a writer, and foreign clients beside it.
#pragma once

#include <catch2/catch.hpp>
#include <thread>

#include "runtime/log/kafka_admin.hpp"
#include "tests/runtime/log/kafka/kafka_under_test.hpp"

namespace weir::test {

inline log_append entry(std::string_view topic, std::string_view value, std::string_view key = {}) {
  return {.topic = topic, .key = key, .value = value};
}

template <class T>
error error_of(result<T> answer) {
  REQUIRE_FALSE(answer);
  return std::move(answer).error();
}

inline strings drained(log_reader& reader) { return values(drain(reader)); }

template <class Condition>
void wait_until(std::string_view what, Condition&& true_at_last, int seconds = 60) {
  auto const deadline = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  while (!true_at_last()) {
    if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error(fmt::format("still not: {}", what));
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

// The log's two topics are "<prefix>t" (append) and "<prefix>c" (compacted).
struct kafka_fixture {
  explicit kafka_fixture(const std::function<void(kafka_log_options&)>& change = {}) {
    options = kafka_options(kafka_brokers(), prefix);
    if (change) change(options);
    log = value_of(open_kafka_log(options));
    done(log->create_topic({.name = t}));
    done(log->create_topic({.name = c, .kind = topic_kind::compacted, .retention_ms = 0, .retention_bytes = 0}));
  }
  ~kafka_fixture() {
    auto const left = log->topics();
    if (!left) return;
    for (auto const& topic : *left) static_cast<void>(log->drop_topic(topic.name));
  }
  std::unique_ptr<log_writer> open(std::string_view id = "w") {
    return value_of(log->open_writer(prefix + std::string(id)));
  }
  std::unique_ptr<log_reader> read(const std::string& topic, std::int64_t from = 0) {
    return value_of(log->read(topic, 0, from));
  }
  std::int64_t put(log_writer& writer, std::string_view value) {
    return value_of(writer.commit(std::vector{entry(t, value)})).front();
  }
  void wait_for(const std::string& topic, std::int64_t offset) {
    wait_until("the commit is visible", [&] { return value_of(log->bounds(topic, 0)).end > offset; });
  }

  std::string prefix = own_prefix();
  std::string t = prefix + "t", c = prefix + "c";
  kafka_log_options options;
  std::unique_ptr<event_log> log;
};

// A producer that is not ours; with an id it writes in transactions.
class foreign_producer {
 public:
  explicit foreign_producer(const std::string& id = {}) {
    std::vector<kafka::client_setting> settings{{"linger.ms", "0"}};
    if (!id.empty()) settings.push_back({"transactional.id", id});
    client_ = value_of(kafka::client::open(RD_KAFKA_PRODUCER, kafka_options(kafka_brokers()), settings));
    if (!id.empty()) {
      check(rd_kafka_init_transactions(rk(), 30'000));
      check(rd_kafka_begin_transaction(rk()));
    }
  }
  void send(const std::string& topic, std::string_view value, std::string_view key = {}) {
    auto const code = rd_kafka_producev(
        rk(), RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_PARTITION(0), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()), RD_KAFKA_V_KEY(key.data(), key.size()),
        RD_KAFKA_V_TIMESTAMP(1'234), RD_KAFKA_V_END);
    REQUIRE(code == RD_KAFKA_RESP_ERR_NO_ERROR);
    REQUIRE(rd_kafka_flush(rk(), 30'000) == RD_KAFKA_RESP_ERR_NO_ERROR);
  }
  void commit() { check(rd_kafka_commit_transaction(rk(), 30'000)); }
  void abort() { check(rd_kafka_abort_transaction(rk(), 30'000)); }

 private:
  rd_kafka_t* rk() { return client_->get(); }
  static void check(rd_kafka_error_t* raw) {
    kafka::error_ptr const problem(raw);
    if (problem) throw std::runtime_error(rd_kafka_error_string(problem.get()));
  }
  std::unique_ptr<kafka::client> client_;
};

// tools/kafka on the brokers' own folder; the text after it is a command of a shell.
inline void tools_kafka(const std::string& command, const std::string& arguments = {}) {
  auto const* const folder = std::getenv("WEIR_KAFKA_FOLDER");
  REQUIRE(folder != nullptr);
  auto const line = fmt::format("tools/kafka {} --folder '{}' {} >/dev/null", command, folder, arguments);
  INFO(line);
  REQUIRE(std::system(line.c_str()) == 0);
}

// Tests that stop brokers need the folder that tools/kafka keeps them in.
inline bool has_folder() {
  auto const* const folder = std::getenv("WEIR_KAFKA_FOLDER");
  if (folder != nullptr && *folder != '\0') return true;
  auto const* const required = std::getenv("WEIR_REQUIRE_SERVERS");
  if (required != nullptr && std::string_view(required) == "1")
    FAIL("WEIR_KAFKA_FOLDER names no folder of tools/kafka");
  WARN("skipped: WEIR_KAFKA_FOLDER names no folder of tools/kafka");
  return false;
}

}  // namespace weir::test

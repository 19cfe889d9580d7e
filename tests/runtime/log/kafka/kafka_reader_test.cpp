// Reading from Kafka: what others write, what is not committed, what is no longer there.
#include <fstream>

#include "tests/runtime/log/kafka/kafka_fixture.hpp"

namespace weir::test {
namespace {

TEST_CASE("aborted transactions of others are invisible", "[kafka]") {
  kafka_fixture fixture;
  auto const writer = fixture.open();
  fixture.put(*writer, "before");
  {
    foreign_producer aborting(fixture.prefix + "foreign");
    aborting.send(fixture.t, "aborted");
    aborting.send(fixture.t, "aborted too");
    aborting.abort();
  }
  auto const offset = fixture.put(*writer, "after");
  fixture.wait_for(fixture.t, offset);
  CHECK(drained(*fixture.read(fixture.t)) == strings{"before", "after"});
  for (std::int64_t from = 0; from <= offset; ++from) {
    INFO("from " << from);
    CHECK(drained(*fixture.read(fixture.t, from)).back() == "after");
  }
}

TEST_CASE("a reader stops before an open transaction of others and goes on when it has ended", "[kafka]") {
  kafka_fixture fixture;
  auto const writer = fixture.open();
  foreign_producer open(fixture.prefix + "foreign");
  open.send(fixture.t, "theirs");
  auto const ours = fixture.put(*writer, "ours");
  auto const reader = fixture.read(fixture.t);
  CHECK(drained(*reader).empty());
  CHECK(reader->position() == 0);
  // A position that was given to us is no mistake, though nothing can be read there yet.
  auto const behind = fixture.read(fixture.t, ours + 1);
  CHECK(drained(*behind).empty());
  CHECK(error_of(fixture.log->read(fixture.t, 0, ours + 100)).code == errc::offset_out_of_range);
  open.commit();
  fixture.wait_for(fixture.t, ours);
  CHECK(drained(*reader) == strings{"theirs", "ours"});
  CHECK(drained(*behind).empty());
}

TEST_CASE("entries of other producers have their own time, key and value, and no header", "[kafka]") {
  kafka_fixture fixture;
  auto const topic = fixture.prefix + "foreign";
  auto const admin = value_of(kafka::admin::open(fixture.options));
  done(admin->create({.name = topic}, 1, {}, kafka::time_limit(std::chrono::seconds(30))));  // CreateTime
  foreign_producer plain;
  plain.send(topic, "value", "key");
  plain.send(topic, "");
  auto const found = value_of(fixture.read(topic)->fetch(1 << 20));
  REQUIRE(found.size() == 2);
  CHECK(found[0].key == "key");
  CHECK(found[0].value == "value");
  CHECK(found[0].header.empty());
  CHECK(found[0].timestamp_us == 1'234'000);
  CHECK(found[1].value == "");
}

TEST_CASE("an empty answer is as new as the call: nothing that was committed before is missed", "[kafka]") {
  kafka_fixture fixture;
  auto const reader = fixture.read(fixture.t);
  CHECK(drained(*reader).empty());
  for (int i = 0; i < 30; ++i) {
    auto const text = std::to_string(i);
    fixture.put(*fixture.open(), text);
    auto const again = fixture.open();  // from here on the commit can be read
    REQUIRE(drained(*reader) == strings{text});
  }
}

TEST_CASE("retention that passes a reader's position is an error, not a jump", "[kafka]") {
  kafka_fixture fixture([](kafka_log_options& options) { options.max_entry_bytes = 64U << 10; });
  auto const topic = fixture.prefix + "short";
  done(fixture.log->create_topic({.name = topic, .retention_ms = 0, .retention_bytes = 200'000}));
  auto const writer = fixture.open();
  auto const reader = fixture.read(topic);
  std::string const value(50'000, 'x');
  for (int i = 0; i < 20; ++i) value_of(writer->commit(std::vector{entry(topic, value)}));
  wait_until(
      "retention drops the oldest", [&] { return value_of(fixture.log->bounds(topic, 0)).start > 0; }, 120);
  auto const gone = error_of(reader->fetch(1 << 20));
  INFO(gone.text());
  CHECK(gone.code == errc::offset_out_of_range);
  CHECK(gone.message.find(topic) != std::string::npos);
  CHECK(reader->position() == 0);
  CHECK(error_of(fixture.log->read(topic, 0, 0)).code == errc::offset_out_of_range);
  CHECK_FALSE(drained(*fixture.read(topic, value_of(fixture.log->bounds(topic, 0)).start)).empty());
}

TEST_CASE("a compacted topic is not read on from where deletions may be gone", "[kafka]") {
  constexpr std::int64_t keep_ms = 3'000;
  kafka_fixture fixture([](kafka_log_options& options) { options.tombstone_keep_ms = keep_ms; });
  auto const writer = fixture.open();
  auto const commit = [&](std::string_view key) {
    auto const given = value_of(writer->commit(std::vector{entry(fixture.c, key, key)})).front();
    fixture.wait_for(fixture.c, given);
    return given;
  };
  auto const first = commit("a");
  auto const second = commit("b");
  CHECK(drained(*fixture.read(fixture.c, first + 1)) == strings{"b"});
  std::this_thread::sleep_for(std::chrono::milliseconds(keep_ms));
  // Nothing but the marker of its own transaction can lie behind the last entry.
  CHECK(drained(*fixture.read(fixture.c, second + 1)).empty());
  auto const gone = error_of(fixture.log->read(fixture.c, 0, first + 1));
  INFO(gone.text());
  CHECK(gone.code == errc::offset_out_of_range);
  CHECK(value_of(fixture.log->begin_of(fixture.c, 0, first + 1)) == 0);
  CHECK(value_of(fixture.log->begin_of(fixture.c, 0, second + 1)) == second + 1);
  CHECK(value_of(fixture.log->begin_of(fixture.t, 0, 7)) == 7);
  auto const third = commit("c");
  CHECK(error_of(fixture.log->read(fixture.c, 0, first + 1)).code == errc::offset_out_of_range);
  CHECK(drained(*fixture.read(fixture.c, third)) == strings{"c"});
  CHECK(drained(*fixture.read(fixture.c)) == strings{"a", "b", "c"});
}

TEST_CASE("more readers than may fetch at once take turns", "[kafka]") {
  kafka_fixture fixture([](kafka_log_options& options) { options.max_fetches = 2; });
  auto const writer = fixture.open();
  fixture.wait_for(fixture.t, fixture.put(*writer, "one"));
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      auto const reader = fixture.log->read(fixture.t, 0, 0);
      for (int k = 0; reader && k < 20; ++k) {
        auto const some = (*reader)->fetch(100);
        right += some && some->size() == (k == 0 ? 1U : 0U) ? 1 : 0;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(right == 160);
}

std::size_t resident_bytes() {
  std::ifstream in("/proc/self/statm");
  std::size_t total = 0, resident = 0;
  in >> total >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

// The library would fetch ahead of every consumer that is read slowly, up to a limit at which it sleeps for a second.
TEST_CASE("many readers that take little at a time cost the memory of the fetches under way, whatever lies ahead",
          "[kafka]") {
  constexpr std::size_t entry_bytes = 256U << 10, entries = 400, readers = 64, rounds = 5, most = 200U << 20;
  kafka_fixture fixture([](kafka_log_options& options) { options.max_fetches = 4; });
  auto const writer = fixture.open();
  std::string const value(entry_bytes, 'x');
  std::int64_t last = 0;
  for (std::size_t i = 0; i < entries; i += 20)
    last = value_of(writer->commit(std::vector(20, entry(fixture.t, value)))).back();
  fixture.wait_for(fixture.t, last);
  std::vector<std::unique_ptr<log_reader>> all;
  for (std::size_t i = 0; i < readers; ++i) all.push_back(fixture.read(fixture.t));
  auto const before = resident_bytes();
  std::size_t peak = before;
  for (std::size_t round = 0; round < rounds; ++round) {
    for (auto& reader : all) {
      CHECK(value_of(reader->fetch(1)).size() == 1);
      peak = std::max(peak, resident_bytes());
    }
  }
  INFO("before " << before << ", at most " << peak);
  CHECK(peak < before + most);  // what lies ahead of each is 100 MiB
}

// [.three]: run by tests/process/kafka_brokers_test.py on three brokers.
TEST_CASE("a topic is there for clients that have just come, whichever broker they ask", "[.three]") {
  kafka_fixture fixture;
  for (int i = 0; i < 10; ++i) {
    auto const other = value_of(open_kafka_log(fixture.options));
    auto const name = fmt::format("{}new{}", fixture.prefix, i);
    done(fixture.log->create_topic({.name = name, .partitions = 3}));
    CHECK(value_of(other->bounds(name, i % 3)).end == 0);
    CHECK(drained(*value_of(other->read(name, i % 3, 0))).empty());
    auto const writer = value_of(other->open_writer(fixture.prefix + "w"));
    CHECK(value_of(writer->commit(std::vector{entry(name, "x")})).size() == 1);
  }
}

TEST_CASE("partitions whose leader changes are read, asked for and written to at their new one", "[.three]") {
  kafka_fixture fixture([](kafka_log_options& options) { options.timeout = std::chrono::seconds(15); });
  auto const writer = fixture.open();
  auto const reader = fixture.read(fixture.t);
  int seen = 0;
  for (int const leader : {1, 2, 3, 1}) {
    tools_kafka(fmt::format("lead {}", leader));
    for (int i = 0; i < 5; ++i) fixture.wait_for(fixture.t, fixture.put(*writer, std::to_string(seen + i)));
    CHECK(value_of(fixture.log->bounds(fixture.t, 0)).start == 0);
    CHECK(value_of(fixture.log->bounds(fixture.c, 0)).start == 0);
    for (auto const& value : drained(*reader)) CHECK(value == std::to_string(seen++));
  }
  CHECK(seen == 20);
}

TEST_CASE("silent brokers make a reader answer unavailable in time, and it goes on where it was", "[kafka]") {
  if (!has_folder()) return;
  kafka_fixture fixture;
  auto const writer = fixture.open();
  fixture.wait_for(fixture.t, fixture.put(*writer, "one"));
  auto impatient = fixture.options;
  impatient.timeout = std::chrono::milliseconds(2'000);
  std::unique_ptr<event_log> log;
  std::unique_ptr<log_reader> reader;
  wait_until("a reader is at the end", [&] {
    auto opened = open_kafka_log(impatient);
    if (opened) log = std::move(*opened);
    if (!opened) return false;
    auto at_start = log->read(fixture.t, 0, 0);
    if (at_start) reader = std::move(*at_start);
    return at_start && reader->fetch(1 << 20).has_value() && reader->fetch(1).has_value();
  });
  auto const position = reader->position();
  tools_kafka("pause 1");
  auto const before = std::chrono::steady_clock::now();
  auto const answer = reader->fetch(1 << 20);
  auto const took = std::chrono::steady_clock::now() - before;
  auto const bounds = log->bounds(fixture.t, 0);
  tools_kafka("resume 1");
  CHECK(error_of(answer).code == errc::unavailable);
  CHECK(error_of(bounds).code == errc::unavailable);
  CHECK(took < std::chrono::seconds(20));
  CHECK(reader->position() == position);
  fixture.put(*writer, "two");
  wait_until("it is read", [&] {
    auto const some = reader->fetch(1 << 20);
    return some && some->size() == 1 && some->front().value == "two";
  });
}

}  // namespace
}  // namespace weir::test

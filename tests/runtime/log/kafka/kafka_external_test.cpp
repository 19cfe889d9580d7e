#include "runtime/log/kafka_external.hpp"

#include <atomic>

#include "tests/runtime/log/kafka/kafka_fixture.hpp"

using namespace weir;
using namespace weir::test;

namespace {

struct external_fixture : kafka_fixture {
  std::shared_ptr<external_topics> topics = open_topics({});

  static std::shared_ptr<external_topics> open_topics(const std::function<void(external_options&)>& change) {
    external_options options;
    options.brokers = kafka_brokers();
    options.timeout = std::chrono::seconds(60);
    if (change) change(options);
    return value_of(open_external_topics(options));
  }
  // Everything up to the end that is committed now.
  static strings rest_of(external_reader& reader) {
    strings out;
    wait_until("the end is reached", [&] {
      done(reader.poll([&](const external_record& r) {
        out.emplace_back(r.value.value_or("-"));
        return true;
      }));
      return reader.at_end();
    });
    return out;
  }
  std::unique_ptr<external_reader> open(const std::string& topic, std::int64_t from, std::function<void()> wake = {}) {
    return value_of(topics->read(topic, 0, from, std::move(wake)));
  }
};

}  // namespace

TEST_CASE_METHOD(external_fixture, "an external reader sees key, value and time of committed records only") {
  foreign_producer others, aborted(prefix + "a"), open_one(prefix + "o");
  others.send(t, "one", "k");
  aborted.send(t, "never");
  aborted.abort();
  others.send(t, "two");
  auto const reader = open(t, 0);
  strings seen;
  wait_until("both are there", [&] {
    done(reader->poll([&](const external_record& r) {
      seen.push_back(fmt::format("{} {}", r.key.value_or("-"), r.value.value_or("-")));
      CHECK(r.timestamp_us > 0);
      return true;
    }));
    return reader->at_end();
  });
  CHECK(seen.front() == "k one");
  CHECK(seen.size() == 2);
  open_one.send(t, "late");
  others.send(t, "behind it");
  CHECK(rest_of(*open(t, 0)).size() == 2);
  open_one.commit();
  CHECK(rest_of(*open(t, 0)) == strings{"one", "two", "late", "behind it"});
}

TEST_CASE_METHOD(external_fixture,
                 "two external readers of one partition each see all of it, also one after the other") {
  foreign_producer others;
  for (int i = 0; i < 10; ++i) others.send(t, std::to_string(i));
  auto const first = open(t, 0), second = open(t, 5);
  CHECK(rest_of(*first).size() == 10);
  CHECK(rest_of(*second).size() == 5);
  for (int i = 0; i < 3; ++i) CHECK(rest_of(*open(t, 7)).size() == 3);
}

TEST_CASE_METHOD(external_fixture, "an external reader stops where it is told to, and goes on there") {
  foreign_producer others;
  for (int i = 0; i < 5; ++i) others.send(t, std::to_string(i));
  auto const reader = open(t, 0);
  strings seen;
  wait_until("all came one by one", [&] {
    done(reader->poll([&](const external_record& r) {
      seen.emplace_back(*r.value);
      return false;
    }));
    return seen.size() == 5;
  });
  CHECK(seen == strings{"0", "1", "2", "3", "4"});
  CHECK(reader->position() == 5);
}

TEST_CASE_METHOD(external_fixture, "who waits for an external topic is woken when something comes") {
  std::atomic<int> woken = 0;
  auto const reader = open(t, 0, [&] { ++woken; });
  rest_of(*reader);
  auto const before = woken.load();
  foreign_producer others;
  others.send(t, "one");
  wait_until("it is woken", [&] { return woken > before; });
  CHECK(rest_of(*reader) == strings{"one"});
}

TEST_CASE_METHOD(external_fixture, "an external reader never moves a position that is out of range") {
  foreign_producer others;
  others.send(t, "one");
  auto const reader = open(t, 7);
  status answer;
  wait_until("it is refused", [&] {
    answer = reader->poll([](const external_record&) { return true; });
    return !answer;
  });
  CHECK(answer.error().code == errc::offset_out_of_range);
}

TEST_CASE_METHOD(external_fixture,
                 "a full buffer of an external reader stops fetching until records are taken, nothing is lost") {
  foreign_producer others;
  std::string const big(100'000, 'x');
  for (int i = 0; i < 30; ++i) others.send(t, big + std::to_string(i));
  topics = open_topics([](external_options& o) { o.buffer_bytes = 64 << 10; });
  auto const all = rest_of(*open(t, 0));
  REQUIRE(all.size() == 30);
  for (std::size_t i = 0; i < all.size(); ++i) CHECK(all[i] == big + std::to_string(i));
}

TEST_CASE_METHOD(external_fixture, "what an external topic holds: partitions, bounds, offsets by time") {
  CHECK(value_of(topics->partitions(t)) == 1);
  CHECK(error_of(topics->partitions(prefix + "none")).code == errc::not_found);
  CHECK(error_of(topics->bounds(t, 1)).code == errc::not_found);
  foreign_producer others;
  others.send(t, "one");
  auto const held = value_of(topics->bounds(t, 0));
  CHECK(held.start == 0);
  CHECK(held.end == 1);
  CHECK(value_of(topics->offsets(t, 1, {})) == std::vector<std::int64_t>{1});
  CHECK(value_of(topics->offsets(t, 1, 0)) == std::vector<std::int64_t>{0});
  CHECK(value_of(topics->offsets(t, 1, 4'000'000'000'000)) == std::vector<std::int64_t>{1});
}

TEST_CASE_METHOD(external_fixture, "brokers of an external topic that do not answer are given up after the timeout") {
  auto const nobody = open_topics([](external_options& o) {
    o.brokers = "127.0.0.1:1";
    o.timeout = std::chrono::milliseconds(200);
  });
  CHECK(error_of(nobody->partitions("t")).code == errc::unavailable);
  CHECK(error_of(nobody->read("t", 0, 0, {})).code == errc::unavailable);
}

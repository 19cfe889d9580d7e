// Transactions on Kafka: fencing, takeovers, refusals, and outcomes that nobody was told.
#include <algorithm>
#include <atomic>
#include <random>

#include "tests/runtime/log/kafka/kafka_fixture.hpp"

namespace weir::test {
namespace {

TEST_CASE("a writer that takes over ends what its dead owner left open, and it never shows", "[kafka]") {
  kafka_fixture fixture;
  constexpr int owners = 4;
  std::vector<std::unique_ptr<foreign_producer>> dead;
  for (int i = 0; i < owners; ++i) {
    dead.push_back(std::make_unique<foreign_producer>(fmt::format("{}w{}", fixture.prefix, i)));
    dead.back()->send(fixture.t, "left open");
  }
  std::vector<std::thread> threads;
  std::atomic<int> committed = 0;
  for (int i = 0; i < owners; ++i) {
    threads.emplace_back([&, i] {
      auto const writer = fixture.log->open_writer(fmt::format("{}w{}", fixture.prefix, i));
      auto const text = std::to_string(i);
      if (writer && (*writer)->commit(std::vector{entry(fixture.t, text)})) ++committed;
    });
  }
  for (auto& thread : threads) thread.join();
  REQUIRE(committed == owners);
  auto const reader = fixture.read(fixture.t);
  strings seen;
  wait_until("all commits show", [&] {
    for (auto& value : drained(*reader)) seen.push_back(std::move(value));
    return seen.size() >= owners;
  });
  std::sort(seen.begin(), seen.end());
  CHECK(seen == strings{"0", "1", "2", "3"});
  CHECK_THROWS_WITH(dead[0]->commit(), Catch::Contains("newer instance") || Catch::Contains("fenced"));
}

TEST_CASE("another process that opens the id fences the writer, also in the middle of its commits", "[kafka]") {
  kafka_fixture fixture;
  auto old_owner = fixture.open();
  std::atomic<bool> fenced = false;
  strings written;
  std::thread busy([&] {
    for (int i = 0; !fenced; ++i) {
      auto const text = std::to_string(i);
      auto const given = old_owner->commit(std::vector{entry(fixture.t, text), entry(fixture.c, text, "k")});
      if (given) {
        written.push_back(text);
        continue;
      }
      fenced = true;
      // Which of the two depends on how far the commit had come.
      if (given.error().code == errc::unknown_outcome)
        written.push_back("?" + text);
      else if (given.error().code != errc::fenced)
        written.push_back(given.error().text());
    }
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  auto const other = value_of(open_kafka_log(fixture.options));
  auto const new_owner = value_of(other->open_writer(fixture.prefix + "w"));
  auto const stands = drained(*value_of(other->read(fixture.t, 0, 0)));
  busy.join();
  CHECK(error_of(old_owner->commit(std::vector{entry(fixture.t, "late")})).code == errc::fenced);
  fixture.wait_for(fixture.t, value_of(new_owner->commit(std::vector{entry(fixture.t, "new")})).front());
  auto in_the_end = drained(*fixture.read(fixture.t));
  REQUIRE(in_the_end.back() == "new");
  in_the_end.pop_back();
  CHECK(in_the_end == stands);  // nothing of the old owner after the opening answered
  if (!written.empty() && written.back().front() == '?') {
    auto const doubtful = written.back().substr(1);
    written.pop_back();
    if (!stands.empty() && stands.back() == doubtful) written.push_back(doubtful);
  }
  CHECK(stands == written);
}

TEST_CASE("an entry that the brokers refuse is rejected whole, and the writer goes on", "[kafka]") {
  kafka_fixture fixture;
  auto const writer = fixture.open();
  fixture.put(*writer, "first");
  // Someone lowers the limit behind our back.
  auto const admin = value_of(kafka::admin::open(fixture.options));
  kafka::time_limit const limit(std::chrono::seconds(30));
  auto const found = value_of(admin->find(fixture.t, limit));
  REQUIRE(found);
  done(admin->change(*found, {{"max.message.bytes", "2000", kafka::topic_setting::rule::follows}}, limit));
  std::string const large(100'000, 'x');
  auto const refused =
      error_of(writer->commit(std::vector{entry(fixture.c, "2", "k"), entry(fixture.t, large), entry(fixture.t, "3")}));
  INFO(refused.text());
  CHECK(refused.code == errc::rejected);
  CHECK(refused.message.find(fixture.t) != std::string::npos);
  for (int i = 0; i < 10; ++i) {
    CHECK(error_of(writer->commit(std::vector{entry(fixture.t, large), entry(fixture.t, "3")})).code == errc::rejected);
    value_of(writer->commit(std::vector{entry(fixture.c, "between", "k")}));
    if (i % 2 == 0) value_of(writer->commit(std::vector{entry(fixture.t, "small")}));
  }
  fixture.wait_for(fixture.t, fixture.put(*writer, "second"));
  CHECK(drained(*fixture.read(fixture.t)) == strings{"first", "small", "small", "small", "small", "small", "second"});
  CHECK(drained(*fixture.read(fixture.c)) == strings(10, "between"));
}

TEST_CASE("nothing of a commit stands when others have dropped one of its topics, and the next one says which",
          "[kafka]") {
  kafka_fixture fixture;
  auto writer = fixture.open();
  fixture.put(*writer, "first");
  auto const reader = fixture.read(fixture.t);
  auto const other = value_of(open_kafka_log(fixture.options));
  done(other->drop_topic(fixture.t));
  std::vector const batch{entry(fixture.t, "2"), entry(fixture.c, "2", "k")};
  // The brokers do not end a transaction that they refused to begin, so this producer is lost.
  auto const first = error_of(writer->commit(batch));
  INFO(first.text());
  CHECK((first.code == errc::unknown_outcome || first.code == errc::rejected));
  writer = fixture.open();
  auto const second = error_of(writer->commit(batch));
  CHECK(second.code == errc::rejected);
  CHECK(second.message.find(fixture.t) != std::string::npos);
  CHECK(error_of(reader->fetch(1)).code == errc::not_found);
  // One that others have made is found.
  auto const made = fixture.prefix + "made";
  done(other->create_topic({.name = made}));
  auto const given = value_of(writer->commit(std::vector{entry(made, "3"), entry(fixture.c, "3", "k")}));
  fixture.wait_for(fixture.c, given.back());
  CHECK(drained(*fixture.read(fixture.c)) == strings{"3"});
}

// The library (2.0.2) refuses such an entry when it is handed over, and frees a header that it made itself twice.
TEST_CASE("an entry for a partition that others have taken away is refused, and the writer goes on", "[kafka]") {
  kafka_fixture fixture;
  auto const two = fixture.prefix + "two";
  done(fixture.log->create_topic({.name = two, .partitions = 2}));
  auto const others = value_of(open_kafka_log(fixture.options));
  done(others->drop_topic(two));
  wait_until("it is gone", [&] { return others->create_topic({.name = two, .partitions = 1}).has_value(); });
  auto const writer = fixture.open();
  auto gone = entry(two, "nowhere");
  gone.partition = 1;
  gone.header = "a header";
  CHECK(error_of(writer->commit(std::vector{entry(fixture.t, "with it"), gone})).code == errc::rejected);
  auto const offset = fixture.put(*writer, "after");
  fixture.wait_for(fixture.t, offset);
  CHECK(drained(*fixture.read(fixture.t)) == strings{"after"});
}

TEST_CASE("a commit larger than the log takes is rejected before anything is sent", "[kafka]") {
  kafka_fixture fixture([](kafka_log_options& options) { options.max_commit_bytes = options.max_entry_bytes; });
  auto const writer = fixture.open();
  std::string const half(fixture.options.max_entry_bytes / 2 + 1, 'x');
  CHECK(error_of(writer->commit(std::vector{entry(fixture.t, half), entry(fixture.t, half)})).code == errc::rejected);
  fixture.wait_for(fixture.t, fixture.put(*writer, "small"));
  CHECK(drained(*fixture.read(fixture.t)) == strings{"small"});
}

// Commits numbers one after the other; what is in doubt is read back, and written again only when it does not stand.
struct careful_committer {
  careful_committer(kafka_fixture& of, const kafka_log_options& options) : fixture(of) {
    wait_until("the log opens", [&] {
      auto opened = open_kafka_log(options);
      if (opened) log = std::move(*opened);
      return opened.has_value();
    });
    reopen();
  }

  void run(std::atomic<bool>& ending) {
    while (!ending) {
      auto const text = std::to_string(next);
      auto const given = writer->commit(std::vector{entry(fixture.t, text), entry(fixture.c, text, text)});
      if (given) {
        ++next;
        continue;
      }
      told[given.error().code]++;
      if (given.error().code == errc::unavailable) continue;
      CHECK(error_of(writer->commit(std::vector{entry(fixture.t, "dead")})).code == errc::fenced);
      reopen();
      auto const stands = read_patiently();
      bool const it_does = !stands.empty() && stands.back() == text;
      (it_does ? stood : did_not_stand)++;
      if (it_does) ++next;
    }
  }
  void reopen() {
    wait_until("the writer opens again", [&] {
      auto opened = log->open_writer(fixture.prefix + "w");
      if (!opened) REQUIRE(opened.error().code == errc::unavailable);
      if (opened) writer = std::move(*opened);
      return opened.has_value();
    });
  }

  // Also while brokers fall silent again.
  strings read_patiently() {
    strings all;
    wait_until("everything is read", [&] {
      all.clear();
      auto const reader = log->read(fixture.t, 0, 0);
      for (;;) {
        if (!reader) return false;
        auto const some = (*reader)->fetch(1 << 20);
        if (!some) return false;
        if (some->empty()) return true;
        for (auto const& one : *some) all.push_back(*one.value);
      }
    });
    return all;
  }

  kafka_fixture& fixture;
  std::unique_ptr<event_log> log;
  std::unique_ptr<log_writer> writer;
  std::map<errc, int> told;
  int next = 0, stood = 0, did_not_stand = 0;
};

TEST_CASE("brokers that fall silent during commits leave outcomes unknown, and opening again tells which", "[kafka]") {
  if (!has_folder()) return;
  kafka_fixture fixture;
  auto impatient = fixture.options;  // its transactions live long, so that only we end them
  impatient.timeout = std::chrono::milliseconds(2'000);
  careful_committer committer(fixture, impatient);
  std::atomic<bool> ending = false;
  std::thread busy([&] { committer.run(ending); });
  std::mt19937_64 random(5);
  constexpr int rounds = 4;
  for (int round = 0; round < rounds; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(200 + random() % 300));
    tools_kafka("pause 1");
    std::this_thread::sleep_for(std::chrono::milliseconds(3'000));
    tools_kafka("resume 1");
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  ending = true;
  busy.join();
  INFO("committed " << committer.next << ", in doubt and stood " << committer.stood << ", did not "
                    << committer.did_not_stand);
  CHECK(committer.told[errc::unknown_outcome] > 0);
  auto const last = fixture.open();  // from here on everything can be read
  strings expected;
  for (int i = 0; i < committer.next; ++i) expected.push_back(std::to_string(i));
  CHECK(drained(*fixture.read(fixture.t)) == expected);
  CHECK(drained(*fixture.read(fixture.c)) == expected);
}

}  // namespace
}  // namespace weir::test

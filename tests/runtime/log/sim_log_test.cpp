// The simulated log's faults, and what a checker asks of it.
#include <catch2/catch.hpp>
#include <map>
#include <random>

#include "tests/runtime/log/log_under_test.hpp"

namespace weir::test {
namespace {

log_append entry(std::string_view topic, std::string_view value, std::string_view key = {}) {
  return {.topic = topic, .key = key, .value = value};
}

errc commit_code(log_writer& writer, std::vector<log_append> batch) {
  auto const answer = writer.commit(batch);
  REQUIRE_FALSE(answer);
  return answer.error().code;
}

struct two_topics {
  explicit two_topics(sim_log_options options = {}) : log(std::move(options)) {
    done(log.create_topic({.name = "t"}));
    done(log.create_topic({.name = "c", .kind = topic_kind::compacted}));
    writer = value_of(log.open_writer("w"));
  }
  std::int64_t put(std::string_view value) { return value_of(writer->commit(std::vector{entry("t", value)}))[0]; }
  std::int64_t put_key(std::string_view key, std::optional<std::string_view> value) {
    return value_of(writer->commit(std::vector{log_append{.topic = "c", .key = key, .value = value}}))[0];
  }
  void next_commit(sim_outcome outcome) {
    sim_faults faults;
    faults.on_commit = [outcome](std::string_view, std::span<const log_append>) { return outcome; };
    log.set_faults(faults);
  }
  sim_log log;
  std::unique_ptr<log_writer> writer;
};

TEST_CASE("each ordered outcome leaves what it says and kills the writer when it must", "[log][sim]") {
  struct expected {
    sim_outcome outcome;
    errc code;
    bool stands, writer_lives;
  };
  auto const one = GENERATE(expected{sim_outcome::lost_reply, errc::unknown_outcome, true, false},
                            expected{sim_outcome::timed_out, errc::unknown_outcome, false, false},
                            expected{sim_outcome::fenced, errc::fenced, false, false},
                            expected{sim_outcome::rejected, errc::rejected, false, true},
                            expected{sim_outcome::no_space, errc::no_space, false, true},
                            expected{sim_outcome::unavailable, errc::unavailable, false, true});
  two_topics fixture;
  fixture.next_commit(one.outcome);
  CHECK(commit_code(*fixture.writer, {entry("t", "doubtful"), entry("c", "doubtful", "k")}) == one.code);
  fixture.log.set_faults({});
  auto const again = fixture.writer->commit(std::vector{entry("t", "again")});
  CHECK(again.has_value() == one.writer_lives);
  if (!again) CHECK(again.error().code == errc::fenced);
  strings expected_values;
  if (one.stands) expected_values.emplace_back("doubtful");
  CHECK(values(value_of(fixture.log.dump("c", 0))) == expected_values);
  if (one.writer_lives) expected_values.emplace_back("again");
  CHECK(values(value_of(fixture.log.dump("t", 0))) == expected_values);
  // The recovery that PROTOCOL 8 asks for: open again, read to the end.
  auto const reopened = value_of(fixture.log.open_writer("w"));
  CHECK(values(drain(*value_of(fixture.log.read("t", 0, 0)))) == expected_values);
  CHECK(reopened->commit(std::vector{entry("t", "x")}).has_value());
}

std::vector<std::string> story(std::uint64_t seed) {
  sim_faults const faults{.seed = seed,
                          .lost_reply = 0.1,
                          .timed_out = 0.1,
                          .fenced = 0.1,
                          .rejected = 0.1,
                          .no_space = 0.1,
                          .read_error = 0.2,
                          .short_read = 0.3,
                          .late = 0.3};
  two_topics fixture({.faults = faults});
  auto const reader = value_of(fixture.log.read("t", 0, 0));
  strings told;
  for (int i = 0; i < 300; ++i) {
    auto const answer = fixture.writer->commit(std::vector{entry("t", std::to_string(i))});
    told.push_back(answer ? std::to_string(answer->front()) : std::string(to_string(answer.error().code)));
    if (!answer) fixture.writer = value_of(fixture.log.open_writer("w"));
    auto const some = reader->fetch(1 << 20);
    told.push_back(some ? fmt::format("{} entries", some->size()) : std::string(to_string(some.error().code)));
  }
  return told;
}

TEST_CASE("the same seed gives the same faults, another seed others", "[log][sim]") {
  CHECK(story(1) == story(1));
  CHECK(story(1) != story(2));
  std::map<std::string, int> seen;
  for (auto const& told : story(3)) ++seen[told];
  for (auto const* const fault : {"unknown_outcome", "fenced", "rejected", "no_space", "unavailable"}) {
    CHECK(seen[fault] > 5);
  }
}

TEST_CASE("under random faults a writer that resolves unknown outcomes commits exactly once", "[log][sim]") {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    two_topics fixture({.faults = {.seed = seed,
                                   .lost_reply = 0.15,
                                   .timed_out = 0.15,
                                   .fenced = 0.05,
                                   .rejected = 0.1,
                                   .no_space = 0.1,
                                   .read_error = 0.2,
                                   .short_read = 0.3,
                                   .late = 0.4}});
    auto reader = value_of(fixture.log.read("t", 0, 0));
    strings committed, seen;
    auto const read_on = [&] {
      for (;;) {
        auto const some = reader->fetch(1 << 20);
        if (!some) continue;
        if (some->empty()) return;
        for (auto const& one : *some) seen.push_back(*one.value);
      }
    };
    for (int i = 0; i < 100;) {
      auto const answer = fixture.writer->commit(std::vector{entry("t", std::to_string(i))});
      if (answer) {
        committed.push_back(std::to_string(i++));
        continue;
      }
      if (answer.error().code == errc::rejected || answer.error().code == errc::no_space) continue;
      fixture.writer = value_of(fixture.log.open_writer("w"));
      read_on();
      if (seen.size() > committed.size()) committed.push_back(std::to_string(i++));
      REQUIRE(seen == committed);
    }
    REQUIRE(values(value_of(fixture.log.dump("t", 0))) == committed);
    for (int i = 0; i < 10; ++i) read_on();
    REQUIRE(seen == committed);
  }
}

TEST_CASE("a late commit shows after a few fetches, or when its writer is opened", "[log][sim]") {
  two_topics fixture({.faults = {.late = 1}});
  auto const reader = value_of(fixture.log.read("t", 0, 0));
  fixture.put("1");
  CHECK(value_of(fixture.log.bounds("t", 0)).end == 0);
  CHECK(values(value_of(fixture.log.dump("t", 0))) == strings{"1"});
  int fetches = 0;
  for (; fetches < 10 && value_of(reader->fetch(100)).empty(); ++fetches) continue;
  CHECK(fetches < 5);
  CHECK(reader->position() == 1);
  fixture.put("2");
  CHECK(value_of(fixture.log.bounds("t", 0)).end == 1);
  value_of(fixture.log.open_writer("w"));
  CHECK(value_of(fixture.log.bounds("t", 0)).end == 2);
}

TEST_CASE("an ordered read error leaves the reader where it was", "[log][sim]") {
  two_topics fixture;
  fixture.put("1");
  auto const reader = value_of(fixture.log.read("t", 0, 0));
  sim_faults faults;
  faults.on_fetch = [](std::string_view topic, int, std::int64_t position) { return topic == "t" && position == 0; };
  fixture.log.set_faults(faults);
  auto const failed = reader->fetch(100);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code == errc::unavailable);
  fixture.log.set_faults({});
  CHECK(values(drain(*reader)) == strings{"1"});
}

TEST_CASE("compacting keeps the latest entry per key, and tombstones until they are dropped too", "[log][sim]") {
  two_topics fixture;
  fixture.put_key("a", "1");
  fixture.put_key("b", "2");
  fixture.put_key("a", "3");
  auto const deleted = fixture.put_key("b", std::nullopt);
  auto const follower = value_of(fixture.log.read("c", 0, 1));
  done(fixture.log.compact("c"));
  CHECK(values(value_of(fixture.log.dump("c", 0))) == strings{"3", "(deleted)"});
  CHECK(values(drain(*value_of(fixture.log.read("c", 0, 0)))) == strings{"3", "(deleted)"});
  done(fixture.log.compact("c", true));
  CHECK(values(drain(*value_of(fixture.log.read("c", 0, 0)))) == strings{"3"});
  CHECK(value_of(fixture.log.bounds("c", 0)).start == deleted + 1);
  auto const told = follower->fetch(100);
  REQUIRE_FALSE(told);
  CHECK(told.error().code == errc::offset_out_of_range);
  CHECK_FALSE(fixture.log.compact("t"));
  CHECK_FALSE(fixture.log.truncate("c", 0, 1));
}

TEST_CASE("a reader below a truncated start is told", "[log][sim]") {
  two_topics fixture;
  for (auto const* const value : {"1", "2", "3", "4"}) fixture.put(value);
  auto const below = value_of(fixture.log.read("t", 0, 0));
  auto const above = value_of(fixture.log.read("t", 0, 2));
  done(fixture.log.truncate("t", 0, 2));
  auto const told = below->fetch(100);
  REQUIRE_FALSE(told);
  CHECK(told.error().code == errc::offset_out_of_range);
  CHECK(values(drain(*above)) == strings{"3", "4"});
  CHECK_FALSE(fixture.log.read("t", 0, 1));
  CHECK(value_of(fixture.log.bounds("t", 0)).start == 2);
  CHECK_FALSE(fixture.log.truncate("t", 0, 5));
  done(fixture.log.truncate("t", 0, 4));
  CHECK(drain(*above).empty());
}

TEST_CASE("a power failure takes the last commits everywhere, kills writers and jumps offsets", "[log][sim]") {
  two_topics fixture({.reserve_offsets = 100});
  fixture.put("1");
  fixture.put_key("a", "old");
  fixture.put("2");
  fixture.put_key("a", "new");
  auto const up_to_date = value_of(fixture.log.read("t", 0, 2));
  auto const behind = value_of(fixture.log.read("t", 0, 1));
  done(fixture.log.compact("c"));
  CHECK_FALSE(fixture.log.lose_tail(5));
  done(fixture.log.lose_tail(2));
  CHECK(values(value_of(fixture.log.dump("t", 0))) == strings{"1"});
  CHECK(values(value_of(fixture.log.dump("c", 0))) == strings{"old"});
  CHECK(commit_code(*fixture.writer, {entry("t", "x")}) == errc::fenced);
  auto const told = up_to_date->fetch(100);
  REQUIRE_FALSE(told);
  CHECK(told.error().message.find("lost in a power failure") != std::string::npos);
  CHECK_FALSE(fixture.log.read("c", 0, 2));
  CHECK(value_of(fixture.log.begin_of("t", 0, 2)) == 1);
  fixture.writer = value_of(fixture.log.open_writer("w"));
  CHECK(fixture.put("3") == 100);
  CHECK(values(drain(*behind)) == strings{"3"});
  CHECK(values(drain(*value_of(fixture.log.read("t", 0, 0)))) == strings{"1", "3"});
}

}  // namespace
}  // namespace weir::test

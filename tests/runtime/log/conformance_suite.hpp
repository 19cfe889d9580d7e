// What every log must do (runtime/log/log.hpp): included by the test programs, each with its LOGS_UNDER_TEST.
#pragma once

#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "tests/runtime/log/log_under_test.hpp"

namespace weir::test {
namespace {

#define CONFORMANCE(name) TEMPLATE_TEST_CASE(name, "[log][conformance]", LOGS_UNDER_TEST)

void create(event_log& log, const std::string& name, int partitions = 1, topic_kind kind = topic_kind::append) {
  done(log.create_topic({.name = name, .partitions = partitions, .kind = kind}));
}

log_append entry(std::string_view topic, std::string_view value, std::string_view key = {}, int partition = 0) {
  return {.topic = topic, .partition = partition, .key = key, .value = value};
}

log_append tombstone(std::string_view topic, std::string_view key) { return {.topic = topic, .key = key, .value = {}}; }

// Waits until readers see it: a log may show a commit a little later.
void wait_until_visible(event_log& log, std::string_view topic, int partition, std::int64_t offset) {
  auto const deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (value_of(log.bounds(topic, partition)).end <= offset) {
    if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("a commit does not show");
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

std::vector<std::int64_t> commit(event_log& log, log_writer& writer, const std::vector<log_append>& batch) {
  auto given = value_of(writer.commit(batch));
  std::map<std::pair<std::string_view, int>, std::int64_t> last;
  for (std::size_t i = 0; i < batch.size(); ++i) last[{batch[i].topic, batch[i].partition}] = given.at(i);
  for (auto const& [place, offset] : last) wait_until_visible(log, place.first, place.second, offset);
  return given;
}

std::vector<log_entry> read_all(event_log& log, std::string_view topic, int partition = 0, std::int64_t from = 0) {
  return drain(*value_of(log.read(topic, partition, from)));
}

using strings = std::vector<std::string>;
using offsets = std::vector<std::int64_t>;

template <class T>
errc code_of(const result<T>& answer) {
  REQUIRE_FALSE(answer);
  CHECK_FALSE(answer.error().message.empty());
  return answer.error().code;
}

CONFORMANCE("a topic is made once, and another shape of it is a conflict") {
  TestType fixture;
  auto& log = fixture.log();
  create(log, "orders", 3);
  create(log, "orders", 3);
  CHECK(code_of(log.create_topic({.name = "orders", .partitions = 4})) == errc::conflict);
  CHECK(code_of(log.create_topic({.name = "orders", .partitions = 3, .kind = topic_kind::compacted})) ==
        errc::conflict);
  done(log.create_topic({.name = "orders", .partitions = 3, .retention_ms = 5000, .retention_bytes = 0}));
  auto const topics = value_of(log.topics());
  REQUIRE(topics.size() == 1);
  CHECK(topics[0] == topic_config{.name = "orders", .partitions = 3, .retention_ms = 5000, .retention_bytes = 0});
  fixture.reopen();
  auto again = value_of(fixture.log().topics());
  // Brokers hear of a topic one after the other, and whoever opens the log may ask one that has not.
  for (int tries = 0; tries < 100 && again != topics; ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    again = value_of(fixture.log().topics());
  }
  CHECK(again == topics);
}

CONFORMANCE("bad names, partition counts, retentions and writer ids are refused") {
  TestType fixture;
  auto& log = fixture.log();
  for (std::string const& name : {std::string(), std::string("a b"), std::string("a/b"), std::string(201, 'a')}) {
    CHECK(code_of(log.create_topic({.name = name})) == errc::invalid_argument);
  }
  create(log, std::string(200, 'a'));
  CHECK(code_of(log.create_topic({.name = "t", .partitions = 0})) == errc::invalid_argument);
  CHECK(code_of(log.create_topic({.name = "t", .partitions = 100000})) == errc::invalid_argument);
  CHECK(code_of(log.create_topic({.name = "t", .retention_ms = -1})) == errc::invalid_argument);
  CHECK(code_of(log.create_topic({.name = "t", .retention_bytes = -1})) == errc::invalid_argument);
  CHECK(code_of(log.open_writer("")) == errc::invalid_argument);
  CHECK(code_of(log.open_writer(std::string(201, 'w'))) == errc::invalid_argument);
}

CONFORMANCE("what does not exist is not found") {
  TestType fixture;
  auto& log = fixture.log();
  create(log, "t", 2);
  CHECK(code_of(log.drop_topic("u")) == errc::not_found);
  CHECK(code_of(log.bounds("u", 0)) == errc::not_found);
  CHECK(code_of(log.bounds("t", 2)) == errc::not_found);
  CHECK(code_of(log.bounds("t", -1)) == errc::not_found);
  CHECK(code_of(log.read("u", 0, 0)) == errc::not_found);
  CHECK(code_of(log.read("t", 2, 0)) == errc::not_found);
}

CONFORMANCE("a dropped topic is gone, and one of its name starts empty") {
  TestType fixture;
  for (auto const kind : {topic_kind::append, topic_kind::compacted}) {
    auto& log = fixture.log();
    create(log, "t", 2, kind);
    create(log, "other", 2, kind);
    {
      auto const writer = value_of(log.open_writer("w"));
      commit(log, *writer, {entry("t", "1", "k"), entry("other", "2", "k")});
      auto const reader = value_of(log.read("t", 0, 0));
      done(log.drop_topic("t"));
      CHECK(code_of(reader->fetch(100)) == errc::not_found);
      CHECK(code_of(writer->commit(std::vector{entry("t", "3", "k")})) == errc::rejected);
      CHECK(code_of(log.read("t", 0, 0)) == errc::not_found);
    }
    create(log, "t", 1, kind);
    CHECK(read_all(log, "t").empty());
    CHECK(value_of(log.bounds("t", 0)).end == 0);
    CHECK(values(read_all(log, "other")) == strings{"2"});
    fixture.reopen();
    CHECK(read_all(fixture.log(), "t").empty());
    done(fixture.log().drop_topic("t"));
    done(fixture.log().drop_topic("other"));
  }
}

CONFORMANCE("an empty partition starts and ends at its first offset") {
  TestType fixture;
  auto& log = fixture.log();
  for (auto const kind : {topic_kind::append, topic_kind::compacted}) {
    auto const name = kind == topic_kind::append ? "a" : "c";
    create(log, name, 1, kind);
    auto const bounds = value_of(log.bounds(name, 0));
    CHECK(bounds.start == 0);
    CHECK(bounds.end == 0);
    auto const reader = value_of(log.read(name, 0, 0));
    CHECK(value_of(reader->fetch(1000)).empty());
    CHECK(reader->position() == 0);
    CHECK(code_of(log.read(name, 0, 1)) == errc::offset_out_of_range);
    CHECK(code_of(log.read(name, 0, -1)) == errc::offset_out_of_range);
  }
}

CONFORMANCE("offsets rise within a partition in the order of the appends") {
  TestType fixture;
  auto& log = fixture.log();
  create(log, "t", 2);
  create(log, "c", 2, topic_kind::compacted);
  auto const writer = value_of(log.open_writer("w"));
  auto const first = commit(log, *writer,
                            {entry("t", "a"), entry("t", "b", "", 1), entry("c", "x", "k"), entry("t", "c"),
                             entry("c", "y", "l"), entry("t", "d", "", 1)});
  REQUIRE(first.size() == 6);
  if (!TestType::may_take_a_try_back()) CHECK(first == offsets{0, 0, 0, 1, 1, 1});
  CHECK(first[3] == first[0] + 1);
  CHECK(first[4] == first[2] + 1);
  CHECK(first[5] == first[1] + 1);
  auto const second = commit(log, *writer, {entry("t", "e"), entry("c", "z", "m")});
  REQUIRE(second.size() == 2);
  CHECK(second[0] > first[3]);
  CHECK(second[1] > first[4]);
  auto const found = read_all(log, "t");
  CHECK(values(found) == strings{"a", "c", "e"});
  CHECK(found[2].offset == second[0]);
  CHECK(values(read_all(log, "t", 1)) == strings{"b", "d"});
  CHECK(values(read_all(log, "c")) == strings{"x", "y", "z"});
  CHECK(commit(log, *writer, {}).empty());
  auto const end = value_of(log.bounds("t", 0)).end;
  CHECK(end > second[0]);
  CHECK(commit(log, *writer, {entry("t", "f")}).front() >= end);
}

CONFORMANCE("keys, values, headers and timestamps come back exactly as written") {
  TestType fixture;
  std::string every_byte;
  for (int i = 0; i < 256; ++i) every_byte.push_back(static_cast<char>(i));
  std::string const large(300'000, 'x');
  auto const extreme = std::numeric_limits<std::int64_t>::max();
  for (auto const kind : {topic_kind::append, topic_kind::compacted}) {
    auto const name = kind == topic_kind::append ? "a" : "c";
    create(fixture.log(), name, 1, kind);
    {
      auto const writer = value_of(fixture.log().open_writer("w"));
      commit(fixture.log(), *writer,
             {{name, 0, every_byte, every_byte, every_byte, extreme},
              {name, 0, "k1", "", "", -extreme - 1},
              {name, 0, large, large, "h", 0},
              {name, 0, std::string_view("\0", 1), "v", std::string_view("\0\0", 2), -1}});
    }
    for (int round = 0; round < 2; ++round, fixture.reopen()) {
      auto const found = read_all(fixture.log(), name);
      REQUIRE(found.size() == 4);
      CHECK(found[0].key == every_byte);
      CHECK(found[0].value == every_byte);
      CHECK(found[0].header == every_byte);
      CHECK(found[0].timestamp_us == extreme);
      CHECK(found[1].value == "");
      CHECK(found[1].timestamp_us == -extreme - 1);
      CHECK((found[2].key == large && found[2].value == large && found[2].header == "h"));
      CHECK(found[3].key == std::string(1, '\0'));
      CHECK(found[3].header == std::string(2, '\0'));
      CHECK(found[3].timestamp_us == -1);
    }
  }
}

CONFORMANCE("a commit with one bad entry is rejected, nothing of it stands, and the writer goes on") {
  TestType fixture;
  auto& log = fixture.log();
  create(log, "t", 2);
  create(log, "c", 1, topic_kind::compacted);
  auto const writer = value_of(log.open_writer("w"));
  std::string const too_large(log.max_entry_bytes() + 1, 'x');
  log_append unkeyed = entry("c", "v");
  log_append deleted = tombstone("t", "k");
  for (auto const& bad : {entry("t", too_large), entry("missing", "v"), entry("t", "v", "", 2), entry("t", "v", "", -1),
                          unkeyed, deleted}) {
    CHECK(code_of(writer->commit(std::vector{entry("t", "1"), entry("c", "2", "k"), bad})) == errc::rejected);
  }
  CHECK(read_all(log, "t").empty());
  CHECK(read_all(log, "c").empty());
  std::string const largest(log.max_entry_bytes() - 3, 'x');
  commit(log, *writer, {{.topic = "t", .key = "k", .value = largest, .header = "hh"}});
  auto const found = read_all(log, "t");
  REQUIRE(found.size() == 1);
  CHECK(found[0].value == largest);
}

CONFORMANCE("opening a writer fences the older owner of its id, and no other") {
  TestType fixture;
  auto& log = fixture.log();
  create(log, "t");
  {
    auto const old_owner = value_of(log.open_writer("app.1"));
    auto const neighbour = value_of(log.open_writer("app.2"));
    commit(log, *old_owner, {entry("t", "1")});
    auto const new_owner = value_of(log.open_writer("app.1"));
    CHECK(code_of(old_owner->commit(std::vector{entry("t", "2")})) == errc::fenced);
    CHECK(code_of(old_owner->commit(std::vector{entry("t", "2")})) == errc::fenced);
    commit(log, *new_owner, {entry("t", "3")});
    commit(log, *neighbour, {entry("t", "4")});
  }
  fixture.reopen();
  auto const third = value_of(fixture.log().open_writer("app.1"));
  commit(fixture.log(), *third, {entry("t", "5")});
  CHECK(values(read_all(fixture.log(), "t")) == strings{"1", "3", "4", "5"});
}

CONFORMANCE("a reader at the end sees what is committed later, in pieces as small as asked") {
  TestType fixture;
  auto& log = fixture.log();
  for (auto const kind : {topic_kind::append, topic_kind::compacted}) {
    auto const name = kind == topic_kind::append ? "a" : "c";
    create(log, name, 1, kind);
    auto const writer = value_of(log.open_writer("w"));
    auto const reader = value_of(log.read(name, 0, 0));
    CHECK(value_of(reader->fetch(1)).empty());
    for (int round = 0; round < 50; ++round) {
      std::vector<std::string> keys;
      for (int i = 0; i <= round % 7; ++i) keys.push_back(fmt::format("{}/{}", round, i));
      std::vector<log_append> batch;
      for (auto const& key : keys) batch.push_back(entry(name, key, key));
      auto const given = commit(log, *writer, batch);
      if (round % 3 == 0) continue;
      std::vector<log_entry> found;
      while (found.empty() || found.back().offset != given.back()) {
        auto const some = value_of(reader->fetch(1));
        REQUIRE(some.size() == 1);
        found.push_back(some[0]);
        CHECK(reader->position() > some[0].offset);
      }
      CHECK(found.back().value == keys.back());
      CHECK(value_of(reader->fetch(1)).empty());
      CHECK(reader->position() == value_of(log.bounds(name, 0)).end);
    }
  }
}

CONFORMANCE("reading can start at any offset between the bounds, within a packed batch too") {
  TestType fixture;
  auto& log = fixture.log();
  create(log, "t");
  auto const writer = value_of(log.open_writer("w"));
  offsets given;
  std::mt19937_64 random(7);
  for (int round = 0; round < 30; ++round) {
    std::vector<std::string> held(1 + random() % 20);
    std::vector<log_append> batch;
    for (auto& value : held) batch.push_back(entry("t", value = std::to_string(random() % 1000)));
    auto const some = commit(log, *writer, batch);
    given.insert(given.end(), some.begin(), some.end());
  }
  auto const all = read_all(log, "t");
  REQUIRE(all.size() == given.size());
  for (std::size_t i = 0; i < given.size(); ++i) {
    auto const rest = read_all(log, "t", 0, given[i]);
    REQUIRE(rest.size() == given.size() - i);
    CHECK(rest.front().offset == given[i]);
    CHECK(rest.front().value == all[i].value);
  }
  auto const end = value_of(log.bounds("t", 0)).end;
  CHECK(read_all(log, "t", 0, end).empty());
  CHECK(code_of(log.read("t", 0, end + 1)) == errc::offset_out_of_range);
}

CONFORMANCE("a fetch answers about as many bytes as asked") {
  TestType fixture;
  auto& log = fixture.log();
  for (auto const kind : {topic_kind::append, topic_kind::compacted}) {
    auto const name = kind == topic_kind::append ? "a" : "c";
    create(log, name, 1, kind);
    auto const writer = value_of(log.open_writer("w"));
    std::string const value(1000, 'v');
    for (int i = 0; i < 20; ++i) {
      strings keys;
      std::vector<log_append> batch;
      for (int k = 0; k < 50; ++k) keys.push_back(fmt::format("{}/{}", i, k));
      for (auto const& key : keys) batch.push_back(entry(name, value, key));
      commit(log, *writer, batch);
    }
    auto const reader = value_of(log.read(name, 0, 0));
    std::size_t total = 0;
    for (int fetches = 0;; ++fetches) {
      auto const some = value_of(reader->fetch(30'000));
      if (some.empty()) break;
      CHECK(some.size() <= 100);
      total += some.size();
      REQUIRE(fetches < 200);
    }
    CHECK(total == 1000);
  }
}

CONFORMANCE("a compacted topic keeps at least the latest entry per key, tombstones included") {
  TestType fixture;
  create(fixture.log(), "c", 2, topic_kind::compacted);
  {
    auto const writer = value_of(fixture.log().open_writer("w"));
    commit(fixture.log(), *writer, {entry("c", "1", "a"), entry("c", "2", "b"), entry("c", "3", "a")});
    commit(fixture.log(), *writer, {tombstone("c", "b"), entry("c", "4", "d"), entry("c", "5", "a", 1)});
    commit(fixture.log(), *writer, {entry("c", "6", "e"), tombstone("c", "e"), entry("c", "7", "e")});
  }
  for (int round = 0; round < 2; ++round, fixture.reopen()) {
    auto const found = read_all(fixture.log(), "c");
    std::map<std::string, std::string> latest;
    std::int64_t last = -1;
    for (auto const& one : found) {
      CHECK(one.offset > last);
      last = one.offset;
      latest[one.key] = one.value.value_or("(deleted)");
    }
    CHECK(latest == std::map<std::string, std::string>{{"a", "3"}, {"b", "(deleted)"}, {"d", "4"}, {"e", "7"}});
    CHECK(values(read_all(fixture.log(), "c", 1)) == strings{"5"});
    CHECK(value_of(fixture.log().bounds("c", 0)).end > last);
  }
}

CONFORMANCE("partitions are independent, and many of them work") {
  TestType fixture;
  auto& log = fixture.log();
  constexpr int many = 200;
  create(log, "a", many);
  create(log, "c", many, topic_kind::compacted);
  {
    auto const writer = value_of(log.open_writer("w"));
    strings held;
    for (int p = 0; p < many; ++p) held.push_back(std::to_string(p));
    for (int round = 0; round < 3; ++round) {
      std::vector<log_append> batch;
      for (int p = round; p < many; ++p) {
        auto const& text = held[static_cast<std::size_t>(p)];
        batch.push_back(entry("a", text, text, p));
        batch.push_back(entry("c", text, held[static_cast<std::size_t>(round)], p));
      }
      commit(log, *writer, batch);
    }
  }
  fixture.reopen();
  for (int p = 0; p < many; ++p) {
    auto const expected = static_cast<std::size_t>(std::min(p + 1, 3));
    auto const text = std::to_string(p);
    CHECK(values(read_all(fixture.log(), "a", p)) == strings(expected, text));
    CHECK(values(read_all(fixture.log(), "c", p)) == strings(expected, text));
    CHECK(value_of(fixture.log().bounds("a", p)).end >= static_cast<std::int64_t>(expected));
  }
}

CONFORMANCE("writers on several threads interleave, each in its order, and a reader misses none") {
  TestType fixture;
  auto& log = fixture.log();
  create(log, "t", 2);
  constexpr int writers = 4, commits = 150, per_commit = 5;
  std::vector<std::thread> threads;
  for (int w = 0; w < writers; ++w) {
    threads.emplace_back([&log, w] {
      auto const writer = log.open_writer(fmt::format("w{}", w));
      if (!writer) std::abort();
      for (int c = 0; c < commits; ++c) {
        auto const text = fmt::format("{}/{}", w, c);
        std::vector<log_append> batch;
        for (int i = 0; i < per_commit; ++i) {
          batch.push_back(entry("t", text));
          batch.push_back(entry("t", text, "", 1));
        }
        if (!(*writer)->commit(batch)) std::abort();
      }
    });
  }
  auto const reader = value_of(log.read("t", 0, 0));
  std::vector<log_entry> seen;
  while (seen.size() < writers * commits * per_commit) {
    for (auto& one : value_of(reader->fetch(500))) seen.push_back(std::move(one));
  }
  for (auto& thread : threads) thread.join();
  CHECK(value_of(reader->fetch(1)).empty());
  for (int partition = 0; partition < 2; ++partition) {
    auto const found = partition == 0 ? seen : read_all(log, "t", partition);
    REQUIRE(found.size() == writers * commits * per_commit);
    std::map<int, std::vector<std::string>> of_writer;
    for (auto const& one : found) of_writer[one.value->front() - '0'].push_back(*one.value);
    for (auto const& [writer, texts] : of_writer) {
      for (std::size_t i = 0; i < texts.size(); ++i) REQUIRE(texts[i] == fmt::format("{}/{}", writer, i / per_commit));
    }
  }
  if (!TestType::commits_lie_together) return;
  for (std::size_t i = 0; i < seen.size(); i += per_commit) {
    for (std::size_t k = i; k < i + per_commit; ++k) REQUIRE(seen[k].value == seen[i].value);
  }
  CHECK(values(read_all(log, "t", 1)) == values(seen));
}

// What a log must hold, kept the simple way.
struct model {
  struct kept {
    std::int64_t offset;
    std::string key;
    std::optional<std::string> value;
  };
  std::map<std::pair<std::string, int>, std::vector<kept>> partitions;
};

void check_against(const model& expected, event_log& log, std::mt19937_64& random) {
  for (auto const& [place, kept] : expected.partitions) {
    auto const& [topic, partition] = place;
    if (!kept.empty()) wait_until_visible(log, topic, partition, kept.back().offset);
    auto const from = topic == "c" || kept.empty() ? 0 : kept[random() % kept.size()].offset;
    auto const found = drain(*value_of(log.read(topic, partition, from)), 1 + random() % 5000);
    if (topic != "c") {
      std::size_t at = 0;
      for (auto const& one : kept) {
        if (one.offset < from) continue;
        REQUIRE(at < found.size());
        REQUIRE(found[at].offset == one.offset);
        REQUIRE(found[at].value == one.value);
        ++at;
      }
      REQUIRE(at == found.size());
      continue;
    }
    std::map<std::string, model::kept> latest, read;
    for (auto const& one : kept) latest.insert_or_assign(one.key, one);
    for (auto const& one : found) read.insert_or_assign(one.key, model::kept{one.offset, one.key, one.value});
    REQUIRE(read.size() == latest.size());
    for (auto const& [key, one] : latest) {
      REQUIRE(read.count(key) == 1);
      REQUIRE(read.at(key).offset == one.offset);
      REQUIRE(read.at(key).value == one.value);
    }
  }
}

CONFORMANCE("seeded random commits, fencings and reopenings leave what a simple model holds") {
  auto const seed = GENERATE(1, 2, 3);
  std::mt19937_64 random(static_cast<std::uint64_t>(seed));
  TestType fixture;
  model expected;
  create(fixture.log(), "a", 3);
  create(fixture.log(), "b", 1);
  create(fixture.log(), "c", 3, topic_kind::compacted);
  std::map<std::string, std::unique_ptr<log_writer>> writers;
  for (int step = 0; step < 400; ++step) {
    auto const id = fmt::format("w{}", random() % 3);
    if (!writers[id] || random() % 20 == 0) writers[id] = value_of(fixture.log().open_writer(id));
    strings held;
    held.reserve(60);
    std::vector<log_append> batch;
    for (auto count = random() % 20; count > 0; --count) {
      auto const topic = random() % 3;
      auto const& value = held.emplace_back(std::string(random() % 200, static_cast<char>(random())));
      auto const& key = held.emplace_back(fmt::format("k{}", random() % 30));
      auto const partition = static_cast<int>(topic == 1 ? 0 : random() % 3);
      log_append one = entry(topic == 0 ? "a" : topic == 1 ? "b" : "c", value, key, partition);
      if (topic == 2 && random() % 5 == 0) one.value.reset();
      batch.push_back(one);
    }
    bool const bad = random() % 10 == 0;
    if (bad) batch.push_back(entry("no-such-topic", "v"));
    auto const answer = writers[id]->commit(batch);
    INFO((answer ? "" : answer.error().text()));
    REQUIRE(answer.has_value() == !bad);
    for (std::size_t i = 0; i < batch.size() && !bad; ++i) {
      auto& kept = expected.partitions[{std::string(batch[i].topic), batch[i].partition}];
      if (!kept.empty()) REQUIRE((*answer)[i] > kept.back().offset);
      std::optional<std::string> value;
      if (batch[i].value) value.emplace(*batch[i].value);
      kept.push_back({(*answer)[i], std::string(batch[i].key), value});
    }
    if (step % 50 == 0) check_against(expected, fixture.log(), random);
    if (step % 130 == 129) {
      writers.clear();
      fixture.reopen();
    }
  }
  check_against(expected, fixture.log(), random);
}

}  // namespace
}  // namespace weir::test

// Compacted topics of the embedded log: the recent index, scans in passes, the end of tombstones.
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <thread>

#include "tests/runtime/log/log_under_test.hpp"

namespace weir::test {
namespace {

struct small_log {
  explicit small_log(std::int64_t index_entries, std::size_t scan_bytes = 64U << 20) {
    options.path = folder.path() / "log";
    options.disk_reserve_bytes = 0;
    options.recent_index_entries = index_entries;
    options.scan_bytes = scan_bytes;
    options.now_ms = [this] { return now_ms; };
    open();
    done(log->create_topic({.name = "c", .kind = topic_kind::compacted}));
    writer = value_of(log->open_writer("w"));
  }
  void open() { log = value_of(open_local_log(options)); }
  void reopen() {
    writer.reset();
    log.reset();
    open();
    writer = value_of(log->open_writer("w"));
  }
  std::int64_t put(const std::string& key, std::optional<std::string_view> value) {
    return value_of(writer->commit(std::vector{log_append{.topic = "c", .key = key, .value = value}}))[0];
  }
  std::unique_ptr<log_reader> read(std::int64_t from) { return value_of(log->read("c", 0, from)); }

  scratch_folder folder;
  local_log_options options;
  std::int64_t now_ms = 1'000'000'000;
  std::unique_ptr<event_log> log;
  std::unique_ptr<log_writer> writer;
};

std::vector<log_entry> drain(log_reader& reader, std::size_t max_bytes) {
  std::vector<log_entry> all;
  for (;;) {
    auto some = value_of(reader.fetch(max_bytes));
    if (some.empty()) return all;
    for (auto& one : some) all.push_back(std::move(one));
  }
}

constexpr std::int64_t hour_ms = 3600 * 1000;

TEST_CASE("from any offset, a compacted topic gives exactly the latest entries, by index or by scan", "[log][local]") {
  auto const scan_bytes = GENERATE(as<std::size_t>{}, 64U << 20, 1024);
  small_log fixture(20, scan_bytes);
  std::mt19937_64 random(scan_bytes);
  std::map<std::string, std::pair<std::int64_t, std::string>> latest;
  for (int i = 0; i < 500; ++i) {
    auto const key = fmt::format("key{}", random() % 120);
    auto const value = std::to_string(i);
    latest[key] = {fixture.put(key, value), value};
  }
  for (int round = 0; round < 2; ++round, fixture.reopen()) {
    for (std::int64_t from = 0; from <= 500; from += 1 + static_cast<std::int64_t>(random() % 25)) {
      auto const found = drain(*fixture.read(from), 1 + random() % 300);
      std::size_t expected = 0;
      for (auto const& [key, at] : latest) expected += at.first >= from ? 1 : 0;
      REQUIRE(found.size() == expected);
      for (std::size_t i = 0; i < found.size(); ++i) {
        REQUIRE(latest.at(found[i].key) == std::pair(found[i].offset, *found[i].value));
        if (i > 0) REQUIRE(found[i].offset > found[i - 1].offset);
      }
    }
  }
}

TEST_CASE("a reader that scans while the topic is written ends with every key's latest entry", "[log][local]") {
  small_log fixture(10, 1024);
  std::mt19937_64 random(9);
  std::map<std::string, std::string> latest, seen;
  auto const write = [&](int count) {
    for (int i = 0; i < count; ++i) {
      auto const key = fmt::format("key{}", random() % 60);
      latest[key] = std::to_string(random());
      fixture.put(key, latest[key]);
    }
  };
  write(200);
  auto const reader = fixture.read(0);
  std::int64_t last = -1;
  for (int round = 0; round < 60; ++round) {
    for (auto const& one : value_of(reader->fetch(60))) {
      REQUIRE(one.offset > last);
      last = one.offset;
      seen[one.key] = *one.value;
    }
    write(static_cast<int>(random() % 5));
  }
  for (auto const& one : drain(*reader, 60)) {
    REQUIRE(one.offset > last);
    last = one.offset;
    seen[one.key] = *one.value;
  }
  CHECK(seen == latest);
}

TEST_CASE("tombstones are kept for their time; then they go, and a reader from before them is told", "[log][local]") {
  small_log fixture(1000);
  for (int i = 0; i < 10; ++i) fixture.put(fmt::format("key{}", i), "value");
  auto follower = fixture.read(0);
  REQUIRE(value_of(follower->fetch(1)).size() == 1);
  auto const deleted = fixture.put("key3", std::nullopt);
  auto const replaced = fixture.put("key4", std::nullopt);
  fixture.put("key4", "again");
  auto current = fixture.read(deleted + 1);
  fixture.now_ms += 24 * hour_ms - 1;
  fixture.put("tick", "1");
  CHECK(value_of(fixture.log->bounds("c", 0)).start == 0);
  CHECK(drain(*fixture.read(1), 1 << 20).size() == 10);
  fixture.now_ms += 1;
  fixture.put("tick", "2");
  for (int round = 0; round < 2; ++round) {
    // Only key3's deletion is gone: key4's had been replaced.
    CHECK(value_of(fixture.log->bounds("c", 0)).start == deleted + 1);
    auto const below = fixture.log->read("c", 0, deleted);
    REQUIRE_FALSE(below);
    CHECK(below.error().code == errc::offset_out_of_range);
    std::map<std::string, std::optional<std::string>> all;
    for (auto const& one : drain(*fixture.read(0), 1)) all[one.key] = one.value;
    CHECK(all.size() == 10);
    CHECK(all.count("key3") == 0);
    CHECK(all["key4"] == "again");
    if (round == 0) {
      auto const late = follower->fetch(1000);
      REQUIRE_FALSE(late);
      CHECK(late.error().code == errc::offset_out_of_range);
      auto const kept = drain(*current, 1000);
      REQUIRE(kept.size() == 2);
      CHECK(kept[0].offset == replaced + 1);
      follower.reset();
      current.reset();
      fixture.reopen();
    }
  }
}

TEST_CASE("a reader from 0 survives tombstones that go while it reads", "[log][local]") {
  small_log fixture(5, 1024);
  for (int i = 0; i < 100; ++i) fixture.put(fmt::format("key{}", i), "value");
  for (int i = 0; i < 100; i += 2) fixture.put(fmt::format("key{}", i), std::nullopt);
  auto const reader = fixture.read(0);
  std::map<std::string, bool> live;
  auto const take = [&live](const std::vector<log_entry>& some) {
    for (auto const& one : some) live[one.key] = one.value.has_value();
  };
  take(value_of(reader->fetch(1)));
  fixture.now_ms += 25 * hour_ms;
  fixture.put("tick", "1");
  CHECK(value_of(fixture.log->bounds("c", 0)).start > 100);
  take(drain(*reader, 50));
  std::size_t alive = 0;
  for (auto const& [key, is_live] : live) alive += is_live ? 1 : 0;
  CHECK(alive == 51);
}

TEST_CASE("commits from several threads to one compacted topic keep one latest entry per key", "[log][local]") {
  small_log fixture(50);
  std::vector<std::thread> threads;
  for (int w = 0; w < 4; ++w) {
    threads.emplace_back([&fixture, w] {
      auto const writer = fixture.log->open_writer(fmt::format("w{}", w));
      for (int i = 0; i < 300; ++i) {
        auto const key = fmt::format("key{}", i % 20), value = fmt::format("{}/{}", w, i);
        if (!(*writer)->commit(std::vector{log_append{.topic = "c", .key = key, .value = value}})) std::abort();
      }
    });
  }
  std::map<std::string, std::pair<std::int64_t, std::string>> seen;
  auto const reader = fixture.read(0);
  std::int64_t last = -1;
  while (last < 1199) {
    for (auto const& one : value_of(reader->fetch(200))) {
      REQUIRE(one.offset > last);
      last = one.offset;
      seen[one.key] = {one.offset, *one.value};
    }
  }
  for (auto& thread : threads) thread.join();
  auto const latest = drain(*fixture.read(0), 1 << 20);
  REQUIRE(latest.size() == 20);
  for (auto const& one : latest) CHECK(seen.at(one.key) == std::pair(one.offset, *one.value));
}

}  // namespace
}  // namespace weir::test

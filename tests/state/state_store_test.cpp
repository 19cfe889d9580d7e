#include "state/state_store.hpp"

#include <rocksdb/db.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>

#include "state/state_key.hpp"
#include "tests/support/temp_folder.hpp"

using namespace weir;

namespace {

std::unique_ptr<state_store> open_store(const temp_folder& folder, std::size_t view_rows = 100) {
  auto store = state_store::open(folder.path("state"), view_rows);
  REQUIRE(store);
  return std::move(*store);
}

state_delta one_row(std::string_view key, std::optional<std::string_view> json, std::int64_t next) {
  state_delta d;
  d.changelog_next = next;
  d.rows.push_back({"v", key, json, next - 1, false, next - 1});
  d.view_next.emplace_back("v", next);
  return d;
}

std::string keys_of(state_store& store, const table_scan& scan, int shard = 0) {
  auto rows = store.scan(shard, "v", scan);
  REQUIRE(rows);
  std::string out;
  for (const auto& r : *rows) out += r.key;
  return out;
}

}  // namespace

TEST_CASE("a delta and its stamp are there after reopening") {
  temp_folder folder;
  {
    auto store = open_store(folder);
    CHECK(store->changelog_stamp(3).value() == 0);
    state_delta d;
    d.changes = {{"a1", "x"}, {"a2", "y"}, {"b", "z"}};
    d.changelog_next = 17;
    REQUIRE(store->apply(3, d));
    state_delta e;
    e.changes = {{"a2", std::nullopt}};
    e.changelog_next = 18;
    REQUIRE(store->apply(3, e));
  }
  auto store = open_store(folder);
  CHECK(store->changelog_stamp(3).value() == 18);
  std::string seen;
  REQUIRE(store->load(3, "a", [&](std::string_view k, std::string_view v) -> status {
    seen += std::string(k) + "=" + std::string(v) + ";";
    return {};
  }));
  CHECK(seen == "a1=x;");
}

TEST_CASE("shards and pipelines do not see each other's state") {
  temp_folder folder;
  auto store = open_store(folder);
  const auto p = state_prefix("p", 1), pq = state_prefix("pq", 1), p2 = state_prefix("p", 2);
  for (const auto& prefix : {p, pq, p2}) {
    state_delta d;
    const auto key = prefix + "k";
    d.changes = {{key, prefix}};
    REQUIRE(store->apply(1, d));
  }
  int seen = 0;
  REQUIRE(store->load(1, p, [&](std::string_view, std::string_view v) -> status {
    CHECK(v == p);
    ++seen;
    return {};
  }));
  CHECK(seen == 1);
  REQUIRE(store->load(2, p, [&](std::string_view, std::string_view) -> status {
    FAIL("another shard's state");
    return {};
  }));
}

TEST_CASE("a view's table is read by range") {
  temp_folder folder;
  auto store = open_store(folder);
  std::int64_t next = 0;
  for (const char* k : {"b", "d", "a", "e", "c"}) REQUIRE(store->apply(0, one_row(k, "{}", ++next)));
  CHECK(keys_of(*store, {}) == "abcde");
  CHECK(keys_of(*store, {.from = "b", .to = "d"}) == "bc");
  CHECK(keys_of(*store, {}, 1).empty());
  REQUIRE(store->apply(0, one_row("c", std::nullopt, ++next)));
  CHECK(keys_of(*store, {}) == "abde");
  CHECK(store->row_count(0, "v").value() == 4);
  CHECK(store->view_stamp(0, "v").value() == 6);
  CHECK(store->get(0, "v", "d").value().value() == "{}");
  CHECK_FALSE(store->get(0, "v", "c").value().has_value());
}

TEST_CASE("the newest rows are those that were written last, also when one took the place of another") {
  temp_folder folder;
  auto store = open_store(folder, 4);
  const auto newest = [&](const newest_scan& scan) {
    auto rows = store->newest(0, "v", scan);
    REQUIRE(rows);
    std::string out;
    for (const auto& r : *rows) out += r.key;
    return out;
  };
  std::int64_t next = 0;
  for (const char* k : {"b", "d", "a", "e", "c", "d"}) REQUIRE(store->apply(0, one_row(k, "{}", ++next)));
  REQUIRE(store->apply(1, one_row("other", "{}", 1)));
  CHECK(newest({}) == "dcea");  // b was the oldest of five
  CHECK(newest({.from = "b", .to = "e"}) == "dc");
  CHECK(newest({.limit = 2}) == "dc");
  const auto first = store->newest(0, "v", {.limit = 2});
  REQUIRE(first);
  CHECK(first->front().time_us == 5);  // one_row() gives its number less one
  CHECK(newest({.below = first->back().order}) == "ea");
  REQUIRE(store->apply(0, one_row("e", std::nullopt, ++next)));
  CHECK(newest({}) == "dca");
  store.reset();
  store = open_store(folder, 4);
  CHECK(newest({}) == "dca");
}

TEST_CASE("the newest rows of an append view are found inside what was written at once") {
  temp_folder folder;
  auto store = open_store(folder, 10'000);
  constexpr std::int64_t rows = 3'000;
  state_delta d;
  for (std::int64_t i = 0; i < rows; ++i) d.rows.push_back({"v", std::nullopt, "{}", i, true, rows - i});
  REQUIRE(store->apply(0, d));
  std::int64_t next_time = 1, seen = 0;
  for (newest_scan scan{.limit = 7};;) {
    const auto page = store->newest(0, "v", scan);
    REQUIRE(page);
    if (page->empty()) break;
    for (const auto& r : *page) {
      CHECK(r.time_us == next_time++);
      ++seen;
    }
    scan.below = page->back().order;
  }
  CHECK(seen == rows);
}

TEST_CASE("a view's table keeps its newest rows and no more than its limit") {
  temp_folder folder;
  auto store = open_store(folder, 3);
  std::int64_t next = 0;
  for (const char* k : {"a", "b", "c", "a", "d"}) REQUIRE(store->apply(0, one_row(k, "{}", ++next)));
  CHECK(keys_of(*store, {}) == "acd");  // b was the oldest: a had been written again
  store.reset();
  store = open_store(folder, 3);
  REQUIRE(store->apply(0, one_row("e", "{}", ++next)));
  CHECK(keys_of(*store, {}) == "ade");
}

TEST_CASE("rows of an append view are dropped oldest first, a part of a commit's at a time") {
  temp_folder folder;
  auto store = open_store(folder, 5);
  std::int64_t next = 0;
  // Keys of a commit in falling order: age is the order of writing, not of keys.
  const auto commit = [&](const std::vector<std::string>& keys) {
    state_delta d;
    for (const auto& k : keys) d.rows.push_back({"v", k, "{}", next++, true});
    d.changelog_next = next;
    d.view_next.emplace_back("v", next);
    REQUIRE(store->apply(0, d));
  };
  commit({"d", "c", "b", "a"});
  CHECK(keys_of(*store, {}) == "abcd");
  commit({"f", "e"});
  CHECK(keys_of(*store, {}) == "abcef");
  commit({"g"});
  CHECK(keys_of(*store, {}) == "abefg");
  store.reset();
  store = open_store(folder, 5);
  CHECK(store->row_count(0, "v").value() == 5);
  commit({"i", "h"});
  CHECK(keys_of(*store, {}) == "efghi");
  CHECK(store->get(0, "v", "h").value().value() == "{}");
}

TEST_CASE("a large commit of an append view is counted and dropped in full") {
  temp_folder folder;
  constexpr std::size_t limit = 3'000, written = 5'000;
  auto store = open_store(folder, limit);
  std::int64_t next = 0;
  const auto commit = [&](std::size_t rows) {
    state_delta d;
    for (std::size_t i = 0; i < rows; ++i) d.rows.push_back({"v", std::nullopt, "{}", next++, true});
    d.changelog_next = next;
    REQUIRE(store->apply(0, d));
  };
  commit(written);
  CHECK(store->row_count(0, "v").value() == written);  // a batch alone over the limit: the next commit drops the rest
  commit(1);
  CHECK(store->row_count(0, "v").value() == limit);
  const auto rows = store->scan(0, "v", {.limit = 10'000}).value();
  REQUIRE(rows.size() == limit);
  // Without a key of their own rows are known by their offsets.
  CHECK(rows.front().key == std::string({0, 0, 0, 0, 0, 0}) + static_cast<char>((written + 1 - limit) >> 8) +
                                static_cast<char>(written + 1 - limit));
}

TEST_CASE("wiping a shard leaves the others alone") {
  temp_folder folder;
  auto store = open_store(folder);
  for (const int shard : {0, 1}) {
    state_delta d = one_row("r", "{}", 5);
    d.changes = {{"k", "v"}};
    REQUIRE(store->apply(shard, d));
  }
  REQUIRE(store->wipe(0));
  CHECK(store->changelog_stamp(0).value() == 0);
  CHECK(keys_of(*store, {}).empty());
  CHECK(store->changelog_stamp(1).value() == 5);
  CHECK(keys_of(*store, {}, 1) == "r");
}

TEST_CASE("wherever a loss of power cuts a wipe, a shard has all of its state or none") {
  temp_folder folder;
  const auto logs_of = [](const std::filesystem::path& path) {
    std::vector<std::filesystem::path> out;
    for (const auto& file : std::filesystem::directory_iterator(path))
      if (file.path().extension() == ".log" && file.file_size() > 0) out.push_back(file.path());
    return out;
  };
  auto store = open_store(folder);
  auto delta = one_row("k", "{}", 9);
  delta.changes = {{"a", "x"}};
  REQUIRE(store->apply(0, delta));
  const auto before = std::filesystem::file_size(logs_of(folder.path("state")).front());
  REQUIRE(store->wipe(0));
  REQUIRE(logs_of(folder.path("state")).size() == 1);
  const auto whole = std::filesystem::file_size(logs_of(folder.path("state")).front());
  int left = 0, gone = 0;
  for (auto kept = before; kept <= whole; kept += std::clamp<std::uintmax_t>(whole - kept, 1, 8)) {
    temp_folder after;
    std::filesystem::copy(folder.path("state"), after.path("state"), std::filesystem::copy_options::recursive);
    std::filesystem::resize_file(logs_of(after.path("state")).front(), kept);
    auto found = open_store(after);
    const bool stamped = found->changelog_stamp(0).value() == 9;
    bool loaded = false;
    REQUIRE(found->load(0, "a", [&](std::string_view, std::string_view) -> status {
      loaded = true;
      return {};
    }));
    CHECK(loaded == stamped);
    CHECK((keys_of(*found, {}) == "k") == stamped);
    CHECK((found->view_stamp(0, "v").value() == 9) == stamped);
    stamped ? ++left : ++gone;
  }
  CHECK(left > 0);
  CHECK(gone > 0);
}

TEST_CASE("a store tells whether its last run ended cleanly") {
  temp_folder folder;
  CHECK(open_store(folder)->was_clean());  // a new one: nothing can have been in flight
  {
    auto store = open_store(folder);
    CHECK_FALSE(store->was_clean());
    REQUIRE(store->mark_clean());
  }
  {
    auto store = open_store(folder);
    CHECK(store->was_clean());
  }
  CHECK_FALSE(open_store(folder)->was_clean());
}

TEST_CASE("state that another version wrote is rebuilt from the log") {
  temp_folder folder;
  auto store = open_store(folder);
  REQUIRE(store->apply(0, one_row("a", "{}", 7)));
  store.reset();
  {
    rocksdb::DB* db = nullptr;
    std::vector<rocksdb::ColumnFamilyHandle*> families;
    std::vector<rocksdb::ColumnFamilyDescriptor> all;
    for (const auto* name : {"default", "state", "rows", "order"})
      all.emplace_back(name, rocksdb::ColumnFamilyOptions());
    REQUIRE(rocksdb::DB::Open({}, folder.path("state"), all, &families, &db).ok());
    REQUIRE(db->Delete({}, families[0], "format").ok());
    for (auto* f : families) db->DestroyColumnFamilyHandle(f);
    delete db;
  }
  store = open_store(folder);
  CHECK(store->changelog_stamp(0).value() == 0);
  CHECK(store->view_stamp(0, "v").value() == 0);
  CHECK(keys_of(*store, {}).empty());
  REQUIRE(store->apply(0, one_row("b", "{}", 1)));
  store.reset();
  CHECK(keys_of(*open_store(folder), {}) == "b");
}

TEST_CASE("a store in use is refused with a plain reason") {
  temp_folder folder;
  auto store = open_store(folder);
  auto second = state_store::open(folder.path("state"), 1);
  REQUIRE_FALSE(second);
  CHECK(second.error().code == errc::unavailable);
  CHECK(second.error().message.find(folder.path("state")) != std::string::npos);
}

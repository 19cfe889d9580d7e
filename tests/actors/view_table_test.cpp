// Tables of several shards read as one, against a sorted list.
#include "actors/view_table.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

#include "runtime/batch/key_codec.hpp"
#include "tests/support/temp_folder.hpp"

using namespace weir;

namespace {

struct stored_row {
  std::string key;
  int shard;
  std::string json;
};

view_plan plan_with_key() {
  view_plan plan;
  plan.name = std::string("v");
  auto columns = std::make_shared<schema>();
  columns->fields = {
      {"station", data_type::text, false}, {"hour", data_type::bigint, false}, {"n", data_type::bigint, false}};
  plan.output_columns = columns;
  plan.kind = view_kind::upsert;
  plan.key_columns = {0, 1};
  return plan;
}

std::string key_of(const std::optional<std::string>& station, std::int64_t hour) {
  column text(data_type::text), number(data_type::bigint);
  station ? text.push_text(*station) : text.push_null();
  number.push_int(hour);
  std::string out;
  append_key(out, text, 0);
  append_key(out, number, 0);
  return out;
}

std::string json_of(const std::optional<std::string>& station, std::int64_t hour, int n) {
  nlohmann::json out{{"station", nullptr}, {"hour", hour}, {"n", n}};
  if (station) out["station"] = *station;
  return out.dump();
}

void put(state_store& store, const std::vector<stored_row>& rows) {
  for (const auto& r : rows) {
    state_delta delta;
    delta.rows.push_back({"v", r.key, r.json, 0});
    REQUIRE(store.apply(r.shard, delta));
  }
}

std::unique_ptr<state_store> open_store(const temp_folder& folder) {
  auto store = state_store::open(folder.path("state"), 1'000'000);
  REQUIRE(store);
  return std::move(*store);
}

std::vector<nlohmann::json> all_pages(state_store& store, int shards, row_query q) {
  const auto plan = plan_with_key();
  std::vector<nlohmann::json> out;
  for (;;) {
    const auto page = read_rows(store, shards, plan, q, 10'000);
    REQUIRE(page);
    for (const auto& row : (*page)["items"]) out.push_back(row);
    if ((*page)["next"].is_null()) return out;
    q.page.after = (*page)["next"];
  }
}

}  // namespace

TEST_CASE("rows of all shards come in key order, page by page") {
  std::mt19937_64 random(11);
  for (int round = 0; round < 8; ++round) {
    temp_folder folder;
    auto store = open_store(folder);
    const int shards = 1 + static_cast<int>(random() % 4);
    std::vector<stored_row> rows;
    for (int i = 0; i < 400; ++i) {
      const std::optional<std::string> station =
          random() % 20 == 0 ? std::nullopt : std::optional(fmt::format("s{}", random() % 5));
      const auto hour = static_cast<std::int64_t>(random() % 60) - 30;
      // The same key in two shards: what keyless views have, whose keys are offsets.
      const auto shard = static_cast<int>(random() % static_cast<unsigned>(shards));
      const auto key = key_of(station, hour);
      std::erase_if(rows, [&](const stored_row& r) { return r.key == key && r.shard == shard; });
      rows.push_back({key, shard, json_of(station, hour, i)});
    }
    put(*store, rows);
    std::ranges::sort(rows,
                      [](const auto& a, const auto& b) { return std::tie(a.key, a.shard) < std::tie(b.key, b.shard); });
    std::vector<nlohmann::json> expected;
    for (const auto& r : rows) expected.push_back(nlohmann::json::parse(r.json));

    row_query q;
    q.page.limit = 1 + random() % 50;
    CHECK(all_pages(*store, shards, q) == expected);
  }
}

TEST_CASE("the newest rows of all shards come first, whatever their keys") {
  temp_folder folder;
  auto store = open_store(folder);
  std::mt19937_64 random(12);
  std::vector<std::string> keys(200);
  for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = fmt::format("s{}", i);
  std::ranges::shuffle(keys, random);  // the order of keys says nothing of time
  std::vector<int> expected;
  for (int i = 0; i < 200; ++i) {
    const auto& station = keys[static_cast<std::size_t>(i)];
    state_delta delta;
    const auto key = key_of(station, 1), json = json_of(station, 1, i);
    delta.rows.push_back({"v", key, json, 0, false, i});
    REQUIRE(store->apply(static_cast<int>(random() % 3), delta));
    expected.push_back(i);
  }
  std::ranges::reverse(expected);
  for (const std::size_t page : {1, 7, 1'000}) {
    row_query q;
    q.newest_first = true;
    q.page.limit = page;
    std::vector<int> seen;
    for (const auto& row : all_pages(*store, 3, q)) seen.push_back(row["n"]);
    CHECK(seen == expected);
  }
  row_query q;
  q.newest_first = true;
  q.key = {{"station", "s17"}};
  CHECK(all_pages(*store, 3, q).size() == 1);
}

TEST_CASE("a range is that of the values: nulls are in none") {
  temp_folder folder;
  auto store = open_store(folder);
  put(*store, {{key_of("a", 1), 0, json_of("a", 1, 1)},
               {key_of("b", -5), 1, json_of("b", -5, 2)},
               {key_of("b", 7), 0, json_of("b", 7, 3)},
               {key_of(std::nullopt, 3), 1, json_of(std::nullopt, 3, 4)}});
  const auto numbers = [&](std::map<std::string, std::string> key, std::optional<std::string> from,
                           std::optional<std::string> to) {
    row_query q;
    q.key = std::move(key);
    q.from = std::move(from);
    q.to = std::move(to);
    std::vector<int> out;
    for (const auto& row : all_pages(*store, 2, q)) out.push_back(row["n"]);
    return out;
  };
  CHECK(numbers({}, std::nullopt, std::nullopt) == std::vector{1, 2, 3, 4});
  CHECK(numbers({}, "b", std::nullopt) == std::vector{2, 3});
  CHECK(numbers({}, std::nullopt, "b") == std::vector{1});
  CHECK(numbers({{"station", "b"}}, std::nullopt, std::nullopt) == std::vector{2, 3});
  CHECK(numbers({{"station", "b"}}, "-5", "7") == std::vector{2});
  CHECK(numbers({{"station", "b"}, {"hour", "7"}}, std::nullopt, std::nullopt) == std::vector{3});
  row_query q;
  q.key = {{"station", "b"}, {"hour", "7"}};
  q.from.emplace("1");
  CHECK(range_of(plan_with_key(), q).error().code == errc::invalid_argument);
  q = {};
  q.key = {{"hour", "7"}};
  CHECK(range_of(plan_with_key(), q).error().code == errc::invalid_argument);
}

TEST_CASE("a whole view becomes columns, and one row too many is an error") {
  temp_folder folder;
  auto store = open_store(folder);
  put(*store, {{key_of("a", 1), 0, json_of("a", 1, 1)}, {key_of("b", 2), 1, json_of("b", 2, 2)}});
  const auto plan = plan_with_key();
  const auto rows = read_all(*store, 2, plan, 2);
  REQUIRE(rows);
  CHECK(rows->rows == 2);
  CHECK(rows->columns[0]->text(1) == "b");
  CHECK(read_all(*store, 2, plan, 1).error().code == errc::limit_exceeded);
}

TEST_CASE("a deleted row shows its key") {
  CHECK(key_object(plan_with_key(), key_of("a", -3)) == R"({"station":"a","hour":-3})");
  CHECK(key_object(plan_with_key(), key_of(std::nullopt, 1)) == R"({"station":null,"hour":1})");
  CHECK(key_object(plan_with_key(), "\x07").error().code == errc::corrupt);
}

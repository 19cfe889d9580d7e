#include "actors/shard/shard_tail.hpp"

#include <catch2/catch.hpp>

#include "cluster/topic_names.hpp"
#include "tests/sim/small_node.hpp"

using namespace weir;

namespace {

constexpr std::size_t most_rows = 1'000;

std::vector<std::string> records(int count) {
  std::vector<std::string> out;
  for (int i = 0; i < count; ++i) out.push_back(record(i % 60, i % 3 == 0 ? "a" : "b"));
  return out;
}

// Everything that a store holds of a shard: its state and its views' tables.
std::map<std::string, std::string> all_of(state_store& store, int shard, const control_plan& plan) {
  std::map<std::string, std::string> out;
  REQUIRE(store.load(shard, "", [&](std::string_view key, std::string_view value) -> status {
    out.emplace(key, value);
    return {};
  }));
  for (const auto& [name, view] : plan.names.views) {
    const auto rows = store.scan(shard, name, {"", "", most_rows});
    REQUIRE(rows);
    for (const auto& row : *rows) out.emplace(name + "/" + row.key, row.json);
  }
  return out;
}

void follow_to_end(shard_tail& tail, const control_plan& plan) {
  for (int i = 0; i < 1'000; ++i) {
    const auto more = tail.follow(plan);
    REQUIRE(more);
    if (!*more) return;
  }
  FAIL("the tail does not come to an end");
}

std::unique_ptr<state_store> store_in(const std::string& folder) {
  auto made = state_store::open(folder, most_rows);
  REQUIRE(made);
  return std::move(*made);
}

}  // namespace

TEST_CASE("a standby's copy is what the owner has, also after it was put away in between") {
  bench b({instrument("i", records(100)), instrument("j", records(57))}, 2);
  const auto& plan = *b.node->control().plan();
  temp_folder folder;
  auto copy = store_in(folder.path("copy"));
  auto tails = [&] {
    std::vector<std::unique_ptr<shard_tail>> out;
    for (int i = 0; i < 2; ++i) out.push_back(std::make_unique<shard_tail>(task_options{"weir", i, 2}, b.log, *copy));
    return out;
  };
  auto following = tails();
  for (int i = 0; i < 400; ++i) {
    if (!b.node->step()) b.node->pass_time(6'000);
    if (i % 50 == 0) follow_to_end(*following[static_cast<std::size_t>(i / 50 % 2)], plan);
    if (i == 200) {
      following.clear();
      copy.reset();
      copy = store_in(folder.path("copy"));
      following = tails();
    }
  }
  REQUIRE(b.node->run_to_rest());
  for (int shard = 0; shard < 2; ++shard) {
    follow_to_end(*following[static_cast<std::size_t>(shard)], plan);
    const auto wanted = all_of(b.node->store(), shard, plan);
    CHECK(all_of(*copy, shard, plan) == wanted);
    CHECK(wanted.size() > 10);
    CHECK(copy->changelog_stamp(shard).value() == b.node->store().changelog_stamp(shard).value());
  }
}

TEST_CASE("a copy of a view that was dropped and made again since holds only the new one's rows") {
  bench b({instrument("i", records(40))});
  auto& n = *b.node;
  REQUIRE(n.run_to_rest());
  temp_folder folder;
  const auto copy = store_in(folder.path("copy"));
  follow_to_end(*std::make_unique<shard_tail>(task_options{"weir", 0, 1}, b.log, *copy), *n.control().plan());
  CHECK(copy->row_count(0, "plain").value() == 40);
  // While nobody follows.
  REQUIRE(n.control().append(remove_source(*n.control().plan(), "i").value()));
  REQUIRE(n.control().append(drop_pipeline(*n.control().plan(), "p").value()));
  for (const char* view : {"plain", "counts"}) REQUIRE(b.log.drop_topic(topic::view("weir", view)));
  const std::string again =
      "CREATE TABLE others (sensor text NOT NULL) WITH (format = 'json');\n"
      "CREATE MATERIALIZED VIEW plain AS SELECT sensor FROM others;\n";
  REQUIRE(n.control().append(apply_pipeline(*n.control().plan(), "p", again, false, true).value()));
  REQUIRE(create_topics(b.log, "weir", 1, *n.control().plan(), 0, 0));
  auto writer = b.log.open_writer("other");
  REQUIRE(writer);
  const auto topic = topic::view("weir", "plain");
  for (int i = 0; i < 200; ++i) {
    const log_append row{topic, 0, {}, R"({"sensor":"new"})", "r", 0};
    REQUIRE((*writer)->commit({&row, 1}));
  }
  follow_to_end(*std::make_unique<shard_tail>(task_options{"weir", 0, 1}, b.log, *copy), *n.control().plan());
  const auto rows = copy->scan(0, "plain", {"", "", most_rows});
  REQUIRE(rows);
  CHECK(rows->size() == 200);
  for (const auto& row : *rows) CHECK(row.json == R"({"sensor":"new"})");
}

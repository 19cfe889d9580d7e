#include <catch2/catch.hpp>
#include <map>
#include <random>

#include "cluster/control_state.hpp"

using namespace weir;

namespace {

using history = std::vector<log_entry>;

log_entry entry_of(std::int64_t offset, const control_record& r) { return {offset, r.key, r.value, {}, 0}; }

control_state fold_all(const history& entries) {
  control_state state;
  for (const log_entry& e : entries) {
    const status folded = fold_control(state, e);
    if (!folded) FAIL(folded.error().text());
  }
  return state;
}

status fold_one(control_state& state, std::string key, std::optional<std::string> value) {
  return fold_control(state, {state.offset + 1, std::move(key), std::move(value), {}, 0});
}

// What compaction may leave of a history: of the part before `from`, the latest entry per key, tombstones perhaps not.
history compacted(const history& full, std::size_t from, bool keep_tombstones) {
  std::map<std::string, std::int64_t> latest;
  for (const log_entry& e : full) latest[e.key] = e.offset;
  history out;
  for (std::size_t i = 0; i < full.size(); ++i) {
    const bool last = latest[full[i].key] == full[i].offset;
    if (i >= from || (last && (full[i].value || keep_tombstones))) out.push_back(full[i]);
  }
  return out;
}

control_record random_record(std::mt19937_64& random) {
  const std::string name(1, static_cast<char>('a' + random() % 4));
  const std::uint64_t incarnation = random() % 10;
  const auto state = static_cast<run_state>(random() % 3);
  switch (random() % 12) {
    case 0: return to_record(stream_record{name, "CREATE TABLE " + std::to_string(random()), "p", {}});
    case 1: return removal("stream", name);
    case 2:
    case 3: return to_record(pipeline_record{name, "sql \"\n", incarnation, 1, random() % 2 == 0, state, "why"});
    case 4: return removal(pipeline_record{name, {}, incarnation, {}, {}, {}});
    case 5: return removal("pipeline", name);
    case 6:
    case 7:
      return to_record(source_record{name, "s", "file", {{"path", std::to_string(random())}}, state, incarnation});
    case 8: return removal(source_record{name, {}, {}, {}, {}, incarnation});
    case 9: return removal("source", name);
    case 10: return to_record(deployment_record{1 + static_cast<int>(random() % 8), 4});
    default: break;
  }
  if (random() % 2 == 0) return {"sink/" + name, std::nullopt};
  return {"sink/" + name, "{\"kind\":\"postgres\"}"};
}

}  // namespace

TEST_CASE("records are folded back into what they were made of") {
  const stream_record stream{"camera", "CREATE TABLE camera (image text)", "socks"};
  const pipeline_record pipeline{"socks", "CREATE ...;\n-- \"é\"", 3,         2,
                                 false,   run_state::quarantined,  "bad row", {{"v", {{"schema_id", "7"}}}}};
  const source_record source{"cam.1", "camera", "file", {{"path", "/a b"}, {"q", "\"\\"}}, run_state::paused, 7};
  const deployment_record deployment{4, 4, 2};
  const control_state state = fold_all({entry_of(0, to_record(stream)), entry_of(1, to_record(pipeline)),
                                        entry_of(5, to_record(source)), entry_of(6, to_record(deployment))});
  CHECK(state.streams.at("camera") == stream);
  CHECK(state.pipelines.at("socks") == pipeline);
  CHECK(state.sources.at("cam.1") == source);
  CHECK(state.deployment == deployment);
  CHECK(state.offset == 6);
}

TEST_CASE("a removal keeps the incarnation until the name comes again") {
  source_record source{"a", "s", "file", {}, run_state::running, 4};
  control_state state = fold_all({entry_of(0, to_record(source)), entry_of(1, removal(source))});
  CHECK(state.sources.empty());
  CHECK(state.removed_sources.at("a") == 4);
  source.incarnation = 5;
  REQUIRE(fold_control(state, entry_of(2, to_record(source))));
  CHECK(state.removed_sources.empty());
  CHECK(state.sources.at("a").incarnation == 5);
}

TEST_CASE("a broken record of a known kind is corrupt, named, and changes nothing") {
  const std::pair<std::string, std::string> broken[] = {
      {"stream/a", "{}"},
      {"stream/a", "not json"},
      {"stream/a", "[]"},
      {"stream/", R"({"sql":"x","pipeline":"p"})"},
      {"stream", R"({"sql":"x","pipeline":"p"})"},
      {"source", R"({"removed":true,"incarnation":1})"},
      {"stream/a", R"({"sql":1,"pipeline":"p"})"},
      {"pipeline/a",
       R"({"sql":"x","incarnation":-1,"first_incarnation":1,"from_beginning":true,"state":"running","error":""})"},
      {"pipeline/a",
       R"({"sql":"x","incarnation":1,"first_incarnation":1,"from_beginning":true,"state":"walking","error":""})"},
      {"pipeline/a",
       R"({"sql":"x","incarnation":1,"first_incarnation":1,"from_beginning":true,"state":"running","error":"",)"
       R"("settled":{"v":{"schema_id":7}}})"},
      {"pipeline/a", R"({"removed":true})"},
      {"pipeline/a", R"({"removed":"yes","incarnation":1})"},
      {"source/a", R"({"stream":"s","connector":"c","options":{"a":1},"state":"running","incarnation":1})"},
      {"source/a", R"({"stream":"s","connector":"c","options":{},"state":"running"})"},
      {"deployment", R"({"shards":0,"shuffle_partitions":1})"},
      {"deployment", R"({"shards":1,"shuffle_partitions":1,"shards_per_writer":0})"},
      {"deployment", R"({"shards":99999999999,"shuffle_partitions":1})"},
  };
  const control_state before =
      fold_all({entry_of(0, to_record(stream_record{"a", "x", "p", {{"descriptor_set", "\\x00"}}}))});
  for (const auto& [key, value] : broken) {
    INFO(key << " " << value);
    control_state state = before;
    const status folded = fold_one(state, key, value);
    REQUIRE_FALSE(folded);
    CHECK(folded.error().code == errc::corrupt);
    CHECK(folded.error().message.find(fmt::format("'{}' at offset 1", key)) != std::string::npos);
    CHECK(state == before);
  }
}

TEST_CASE("kinds and fields of a later version are kept apart and harm nothing") {
  control_state state;
  REQUIRE(fold_one(state, "model/phyto", "anything"));
  REQUIRE(fold_one(state, "epochless", "{}"));
  REQUIRE(fold_one(state, "stream/a", R"({"sql":"x","pipeline":"p","owner":"me"})"));
  CHECK(state.unknown == std::set<std::string, std::less<>>{"model/phyto", "epochless"});
  CHECK(state.streams.size() == 1);
  REQUIRE(fold_one(state, "model/phyto", std::nullopt));
  CHECK(state.unknown.size() == 1);
}

TEST_CASE("an entry that was folded in already changes nothing") {
  const control_record old = to_record(stream_record{"a", "old", "p", {}});
  control_state state = fold_all({entry_of(3, old), entry_of(4, to_record(stream_record{"a", "new", "p", {}}))});
  REQUIRE(fold_control(state, entry_of(3, old)));
  CHECK(state.streams.at("a").sql == "new");
}

TEST_CASE("an error text that is no UTF-8 is still a record") {
  const pipeline_record pipeline{"p", "sql", 1, 1, true, run_state::quarantined, "bytes \xff\xfe"};
  CHECK(fold_all({entry_of(0, to_record(pipeline))}).pipelines.at("p").error == "bytes \xef\xbf\xbd\xef\xbf\xbd");
}

TEST_CASE("the fold of a compacted history is the fold of the full one") {
  std::mt19937_64 random(19);
  for (int round = 0; round < 2'000; ++round) {
    history full;
    std::int64_t offset = 0;
    for (std::size_t n = random() % 60; n > 0; --n) {
      offset += 1 + static_cast<std::int64_t>(random() % 3);
      full.push_back(entry_of(offset, random_record(random)));
    }
    control_state expected = fold_all(full);
    control_state state = fold_all(compacted(full, random() % (full.size() + 1), random() % 2 == 0));
    expected.offset = state.offset = 0;
    REQUIRE(state == expected);
  }
}

TEST_CASE("a source's shard depends on its name and the number of shards alone") {
  std::map<int, int> used;
  for (int i = 0; i < 4'000; ++i) ++used[shard_of_source(fmt::format("station-{}", i), 4)];
  REQUIRE(used.size() == 4);
  for (const auto& [shard, count] : used) CHECK(count > 800);
  CHECK(shard_of_source("sock-camera-1", 4) == shard_of_source("sock-camera-1", 4));
  CHECK(shard_of_source("x", 1) == 0);
}

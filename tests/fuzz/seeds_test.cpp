// Makes the seeds that no text editor can: `test_fuzz "[.seeds]"`, run from the repository's root, writes them into the
// corpus anew. For whoever changes a stored format.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "actors/newest_entries.hpp"
#include "actors/opaque_token.hpp"
#include "actors/shard/ingest.hpp"
#include "actors/shard/task.hpp"
#include "actors/shard/task_node.hpp"
#include "runtime/batch/key_codec.hpp"
#include "runtime/format/text_value.hpp"
#include "runtime/log/local_keys.hpp"
#include "runtime/log/stored_batch.hpp"
#include "runtime/operators/value_codec.hpp"
#include "state/state_key.hpp"
#include "tests/fuzz/fuzz_target.hpp"
#include "tests/fuzz/pipelines.hpp"
#include "tests/fuzz/rows.hpp"

using namespace weir;
using namespace weir::fuzz;

namespace {

constexpr std::int64_t second = 1'000'000, now = 1'700'000'000 * second;

void write_seed(const std::string& target, const std::string& name, const std::string& bytes) {
  const std::filesystem::path folder = "tests/fuzz/corpus/" + target;
  std::filesystem::create_directories(folder);
  std::ofstream(folder / name, std::ios::binary) << bytes;
}

char digit(std::size_t choice) { return static_cast<char>('0' + choice); }

std::string piece(std::string_view bytes) {
  std::string out{static_cast<char>(bytes.size() >> 8), static_cast<char>(bytes.size() & 255)};
  return out.append(bytes);
}

source_chunk some_records() {
  source_chunk chunk;
  for (int i = 0; i < 6; ++i)
    chunk.records.append(fmt::format(R"({{"k":"s{}","n":{},"x":{},"b":{},"at":"2023-11-14T22:13:{:02}Z","d":"{} s"}})",
                                     i % 2, i, i / 4.0, i % 3 == 0, 10 + i, i));
  chunk.records.append("no JSON");
  chunk.position = R"({"v":1,"ended":true})";
  return chunk;
}

source_chunk some_csv() {
  source_chunk chunk;
  for (int i = 0; i < 4; ++i) chunk.records.append(fmt::format("s{},{},2023-11-14 22:14:{:02}", i, i / 2.0, i));
  chunk.format = "csv";
  chunk.context = "k,x,at";
  return chunk;
}

void stored_batch_seeds() {
  stored_batch_builder builder(100);
  builder.add({"t", 0, "", R"({"a":1})", "r", now});
  builder.add({"t", 0, "key", R"({"a":2})", "header", now + second});
  builder.add({"t", 0, "", "", "", now - second});
  write_seed("stored_batch", "batch", "0" + std::string(builder.finish(118)));
  stored_batch_builder none(0);
  write_seed("stored_batch", "empty_batch", "0" + std::string(none.finish(0)));
  write_seed("stored_batch", "keyed", "1" + local::encode_keyed({7, now, false, "r", R"({"a":1})"}));
  write_seed("stored_batch", "tombstone", "1" + local::encode_keyed({8, now, true, "", ""}));
  write_seed("stored_batch", "topic", "2" + local::encode_topic(3, {"t", 4, topic_kind::compacted, 0, 0}));
}

// What ingest and the tasks of both pipelines make of some records.
void shard_seeds() {
  ingest intake("weir", 0, 1 << 20, {});
  const auto opened = intake.apply(control(), 1, now);
  auto taken = intake.accept("north", intake.find_source("north")->incarnation, some_records(), now);
  REQUIRE(taken);
  const auto first = intake.cut();
  std::string ingest_state = "0" + piece(some_records().records[0]);
  for (const auto& c : first.changes)
    ingest_state += piece(std::string_view(c.key).substr(state_prefix("", 0).size())) + piece(*c.value);
  write_seed("shard_state", "ingest", ingest_state);
  REQUIRE(intake.accept("north", intake.find_source("north")->incarnation, some_csv(), now));
  const auto later = intake.cut();
  for (const auto& a : later.appends)
    if (a.topic == "weir.stream.t" && a.header.size() > 0)
      write_seed("stream_entry", fmt::format("later_{}", a.value->size() < 60 ? "mark" : "csv"),
                 "0" + piece(a.header) + *a.value);
  int entries = 0;
  for (const auto& a : first.appends) {
    if (a.topic != "weir.stream.t") continue;
    write_seed("stream_entry", fmt::format("entry_{}", entries), "5" + piece(a.header) + *a.value);
    write_seed("shard_state", fmt::format("stream_entry_{}", entries++),
               "32" + piece("") + piece(a.header) + piece(*a.value));
  }
  task work({.app = "weir", .shard = 0, .shards = 2}, control().pipelines.at("first"), control().names);
  for (const auto& batch : opened) REQUIRE(work.process(*batch));
  for (const auto& batch : *taken) REQUIRE(work.process(*batch));
  const auto done = work.cut();
  REQUIRE(done);
  std::string state = "1";
  const auto prefix = state_prefix("first", control().pipelines.at("first").record.incarnation).size();
  for (const auto& c : done->changes)
    if (c.value) state += piece(std::string_view(c.key).substr(prefix)) + piece(*c.value);
  write_seed("shard_state", "task", state);
  std::map<std::string, std::size_t> input_of;
  for (std::size_t i = 0; i < work.inputs().size(); ++i) input_of[work.inputs()[i].topic] = i;
  task reader({.app = "weir", .shard = 0, .shards = 2}, control().pipelines.at("second"), control().names);
  std::map<std::string, std::size_t> second_input_of;
  for (std::size_t i = 0; i < reader.inputs().size(); ++i) second_input_of[reader.inputs()[i].topic] = i;
  std::string shuffles = "3", views = "4";
  for (const auto& a : done->appends) {
    const auto entry = piece(a.key) + piece(a.header) + piece(a.value.value_or(""));
    if (const auto to = input_of.find(a.topic); to != input_of.end() && shuffles.size() < 1'500)
      shuffles += digit(to->second) + entry;
    if (const auto to = second_input_of.find(a.topic); to != second_input_of.end() && views.size() < 1'500)
      views += digit(to->second) + entry;
  }
  write_seed("shard_state", "shuffle_entries", shuffles);
  write_seed("shard_state", "view_entries", views);
}

record_batch some_rows() {
  auto chunk = some_records();
  auto decoder = make_record_decoder({"json", {}}, every_type(), {}, true);
  REQUIRE(decoder);
  return decode_checked(**decoder, every_type(), chunk.records);
}

void view_seeds() {
  const auto rows = stamped(some_rows());
  for (std::size_t i = 0; i < grouped_views().size(); ++i) {
    const auto& plan = grouped_views()[i];
    const auto bound = bind_input(plan, rows, {});
    const auto op = make_owner(plan);
    operator_output out;
    std::string partials, states;
    if (needs_shuffle(plan)) {
      const auto partial = make_partial_operator(plan, 1, {});
      REQUIRE(partial->process(bound, out));
      std::vector<shuffle_entry> entries;
      REQUIRE(partial->cut(entries));
      for (const auto& e : entries) {
        partials += "1" + piece(e.value);
        REQUIRE(static_cast<merging_operator&>(*op).merge(e.value, out));
      }
      write_seed("view_state", plan.name + "_partial", digit(i) + partials);
    } else {
      REQUIRE(op->process(bound, out));
    }
    std::vector<state_change> changes;
    REQUIRE(op->cut(out, changes));
    for (const auto& c : changes)
      if (c.value && states.size() < 2'000) states += "0" + piece(c.key) + piece(*c.value);
    write_seed("view_state", plan.name, digit(i) + states);
  }
}

void key_seeds() {
  const std::pair<const char*, data_type> values[] = {
      {"true", data_type::boolean},           {"-7", data_type::bigint},
      {"0.5", data_type::double_precision},   {"a\x01z", data_type::text},
      {"2020-02-29", data_type::timestamptz}, {"5 s", data_type::interval},
      {R"({"a":1})", data_type::json},        {"\\x00ff00", data_type::bytea}};
  for (std::size_t i = 0; i < std::size(values); ++i) {
    column value(values[i].second);
    REQUIRE(push_text_value(value, values[i].first));
    std::string stored, key;
    put_value(stored, value, 0);
    append_key(key, value, 0);
    write_seed("keys", fmt::format("values_{}", i), digit(i) + piece(stored) + piece(stored));
    write_seed("keys", fmt::format("key_{}", i), digit(i) + key);
  }
}

void token_seeds() {
  const auto live = [](std::string_view view, std::int64_t a, std::int64_t b) {
    std::string bytes;
    put_bytes(bytes, view);
    put_varint(bytes, 1);
    put_varint(bytes, 2);
    put_zigzag(bytes, a);
    put_zigzag(bytes, b);
    return to_token('l', bytes);
  };
  write_seed("tokens", "live_v", live("v", 1, 2));
  write_seed("tokens", "live_u", live("u", 0, 5));
  write_seed("tokens", "page", to_page_token("weir.dead.t", {118, 0}));
}

}  // namespace

TEST_CASE("seeds", "[.seeds]") {
  stored_batch_seeds();
  shard_seeds();
  view_seeds();
  key_seeds();
  token_seeds();
}

// Runs an example's SQL file over given sources on a node without threads.
#pragma once

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <nlohmann/json.hpp>

#include "cluster/topic_names.hpp"
#include "runtime/format/framer.hpp"
#include "runtime/log/sim_log.hpp"
#include "tests/support/sim_node.hpp"
#include "tests/support/temp_folder.hpp"

namespace weir::testing {

using texts = std::vector<std::string>;

inline std::string file_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) FAIL("cannot read " << path);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline bool sample_is_absent(const std::string& path) {
  if (std::filesystem::exists(path)) return false;
  WARN("real data skipped: " << path << " is absent");
  return true;
}

inline std::string inflated(std::string_view bytes) {
  if (!bytes.starts_with("\x1f\x8b")) return std::string(bytes);
  gzip_inflater inflater;
  std::string out;
  while (!bytes.empty()) REQUIRE(inflater.inflate(bytes, out, std::size_t{1} << 26));
  REQUIRE(inflater.at_member_end());
  return out;
}

// The records of a file, as a source of `stream` sends them that was told its format.
inline scripted_source file_source(std::string name, std::string stream, const std::string& path, std::string format) {
  auto framing = make_framer({format, {}}, 1 << 20, {});
  REQUIRE(framing);
  raw_records records;
  std::vector<frame_failure> failures;
  (*framing)->feed(inflated(file_text(path)), records, failures);
  (*framing)->finish(records, failures);
  REQUIRE(failures.empty());
  scripted_source out;
  out.name = std::move(name);
  out.stream = std::move(stream);
  for (std::size_t i = 0; i < records.size(); ++i) out.records.emplace_back(records[i]);
  out.format = std::move(format);
  out.context = (*framing)->context();
  return out;
}

// How a run is steered; by default all sources send at random from the start.
using conductor = std::function<void(sim_node&)>;

inline void run_all(sim_node& node) {
  INFO(node.describe());
  CHECK(node.run_to_rest());
}

// The final rows of these views, after a run that lost and refused nothing.
inline std::map<std::string, texts> run_example(const std::string& sql_file,
                                                const std::vector<scripted_source>& sources, const texts& views,
                                                int shards, std::uint64_t seed, std::size_t chunk_records,
                                                const conductor& conduct = run_all) {
  temp_folder folder;
  sim_log log;
  sim_node_options o;
  o.shards = shards;
  o.seed = seed;
  o.chunk_records = chunk_records;
  sim_node node(log, folder.path("state"), o, {{"example", file_text(sql_file)}}, sources);
  conduct(node);
  CHECK(node.quarantined == texts{});
  CHECK(node.failed_shards == texts{});
  CHECK(node.restarted == texts{});
  const auto plan = node.control().plan();
  for (const auto& [name, stream] : plan->names.streams)
    CHECK(topic_values(log, topic::dead("weir", name), shards) == texts{});
  for (const auto& [name, view] : plan->names.views) {
    CHECK(topic_values(log, topic::refused("weir", name), shards) == texts{});
    if (view.window.kind != window_kind::none) CHECK(topic_values(log, topic::late("weir", name), shards) == texts{});
  }
  std::map<std::string, texts> out;
  for (const auto& view : views) out[view] = final_rows(log, "weir", plan->names.views.at(view), shards);
  return out;
}

}  // namespace weir::testing

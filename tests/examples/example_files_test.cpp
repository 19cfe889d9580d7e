// What stands in examples/: every SQL file plans, every configuration is valid and names files that exist.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "runtime/config/config.hpp"
#include "runtime/sql/sql.hpp"

using namespace weir;
namespace fs = std::filesystem;

namespace {

std::vector<fs::path> example_files(const std::string& ending) {
  std::vector<fs::path> out;
  for (const auto& entry : fs::recursive_directory_iterator("examples"))
    if (entry.is_regular_file() && entry.path().extension() == ending) out.push_back(entry.path());
  std::ranges::sort(out);
  return out;
}

std::string text_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// The streams and views of a file, added to those that are known already.
void plan_file(const fs::path& path, catalog& known) {
  INFO(path.string());
  const auto statements = plan_script(text_of(path), known);
  if (!statements) FAIL(statements.error().text());
  CHECK_FALSE(statements->empty());
  for (const auto& s : *statements) {
    if (const auto* stream = std::get_if<stream_definition>(&s)) known.streams[stream->name] = *stream;
    if (const auto* view = std::get_if<view_plan>(&s)) known.views[view->name] = *view;
  }
}

}  // namespace

TEST_CASE("every example's SQL plans, and all of them together on one node") {
  const auto files = example_files(".sql");
  CHECK(files.size() >= 3);
  catalog together;
  for (const auto& path : files) plan_file(path, together);
  CHECK(together.streams.contains("camera"));
  CHECK(together.streams.contains("weather"));
  CHECK(together.views.at("station_hours").keyed_by_source);
  CHECK(together.views.at("station_hours").kind == view_kind::append);
  CHECK(together.views.at("sock_run_pairs").kind == view_kind::upsert);
}

TEST_CASE("every example's configuration is valid and its sources write to streams of its pipelines") {
  auto files = example_files(".toml");
  CHECK(files.size() >= 2);
  files.emplace_back("config.toml");
  for (const auto& path : files) {
    INFO(path.string());
    const auto read = load_config(path);
    if (!read) FAIL(read.error().text());
    catalog known;
    for (const auto& p : read->pipelines) plan_file(p.file, known);
    for (const auto& s : read->listed_sources) CHECK(known.streams.contains(s.stream));
  }
}

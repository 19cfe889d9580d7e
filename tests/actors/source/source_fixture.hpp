// What the source tests share: a folder of their own, a clock that stands still, and reading a source to its end.
#pragma once

#include <catch2/catch.hpp>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "actors/source/connector.hpp"
#include "runtime/time/timestamp.hpp"
#include "tests/support/gzipped.hpp"

namespace weir::source_test {

// Far behind every file's time of change: files count as settled unless a test says otherwise.
inline constexpr std::int64_t far_future_us = 4'000'000'000LL * us_per_s;
inline std::int64_t clock_us = far_future_us;
inline std::int64_t read_clock() { return clock_us; }

class temp_folder {
 public:
  temp_folder() {
    clock_us = far_future_us;
    std::string pattern = (std::filesystem::temp_directory_path() / "weir-source-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = std::filesystem::canonical(pattern);
  }
  ~temp_folder() { std::filesystem::remove_all(path_); }
  temp_folder(const temp_folder&) = delete;
  temp_folder& operator=(const temp_folder&) = delete;

  std::string operator/(std::string_view name) const { return (path_ / name).string(); }
  std::string text() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

inline void write_file(const std::string& path, std::string_view bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << bytes;
  REQUIRE(out.flush());
}

inline void append_file(const std::string& path, std::string_view bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::app);
  out << bytes;
  REQUIRE(out.flush());
}

using option_map = std::map<std::string, std::string>;

inline connector_context context_for(std::vector<std::string> folders, std::string stream_format = "ndjson") {
  connector_context context;
  context.allowed_folders = std::move(folders);
  context.stream_format = {std::move(stream_format), {}};
  context.now_us = &read_clock;
  context.file_poll_interval_us = us_per_s / 4;
  return context;
}

inline source_spec file_spec(option_map options) { return {"s", "t", "file", std::move(options)}; }

// A source made and opened; fails the test when that fails.
inline std::unique_ptr<connector> opened(const source_spec& spec, const connector_context& context,
                                         std::string_view position = {}) {
  auto made = make_connector(spec, context);
  if (!made) FAIL(made.error().text());
  const auto status = (*made)->open(position);
  if (!status) FAIL(status.error().text());
  return std::move(*made);
}

struct everything {
  std::vector<std::string> records;
  std::vector<std::string> contexts;  // of each record
  std::vector<frame_failure> failures;
  std::string position;
  bool ended = false;
  std::string error;  // of the pull that failed; empty: none did
  errc code = errc::internal;
};

inline void add(everything& all, const source_chunk& chunk) {
  for (std::size_t i = 0; i < chunk.records.size(); ++i) {
    all.records.emplace_back(chunk.records[i]);
    all.contexts.push_back(chunk.context);
  }
  all.failures.insert(all.failures.end(), chunk.failures.begin(), chunk.failures.end());
  all.position = chunk.position;
  all.ended = chunk.ended;
}

// Pulls until the source ends, fails, or `idle` pulls in a row brought nothing. Time goes on by half a second a pull.
inline everything drain(connector& source, const pull_limits& limits = {}, int idle = 3) {
  everything all;
  for (int quiet = 0; quiet < idle;) {
    const auto chunk = source.pull(limits);
    clock_us += us_per_s / 2;
    if (!chunk) {
      all.error = chunk.error().text();
      all.code = chunk.error().code;
      return all;
    }
    add(all, *chunk);
    if (chunk->ended) return all;
    quiet = chunk->records.size() + chunk->failures.size() > 0 ? 0 : quiet + 1;
  }
  return all;
}

}  // namespace weir::source_test

#include "tools/weir_node/json_lines.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace weir;

namespace {

nlohmann::json line_of(std::string_view message) {
  const spdlog::details::log_msg msg(spdlog::log_clock::time_point(std::chrono::seconds(1'577'836'800)), {}, "weir",
                                     spdlog::level::warn, spdlog::string_view_t(message.data(), message.size()));
  spdlog::memory_buf_t out;
  json_lines().format(msg, out);
  const std::string text(out.data(), out.size());
  REQUIRE(text.back() == '\n');
  REQUIRE(text.find('\n') == text.size() - 1);
  return nlohmann::json::parse(text);
}

}  // namespace

TEST_CASE("a message and its fields become one JSON line") {
  CHECK(line_of("shard running shard=2") ==
        nlohmann::json{
            {"time", "2020-01-01T00:00:00Z"}, {"level", "warning"}, {"message", "shard running"}, {"shard", "2"}});
}

TEST_CASE("a quoted value may hold blanks, quotes and equals signs") {
  const auto line = line_of(R"(restarting child=shard 1 in_ms=50 reason="no "x = 1" in a=b here" code=internal)");
  CHECK(line["message"] == "restarting");
  CHECK(line["in_ms"] == "50");
  CHECK(line["code"] == "internal");
}

TEST_CASE("text that is no UTF-8 and line breaks stay inside the line") {
  CHECK(line_of("two\nlines \x80")["message"].get<std::string>().starts_with("two\nlines"));
  CHECK(line_of("")["message"] == "");
}

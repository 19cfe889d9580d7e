#include "tools/weir/endpoint.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "tests/support/temp_folder.hpp"
#include "tools/weir/target.hpp"

namespace weir::cli {

namespace {

// Works in another folder for a while, so that a node of this checkout is not found.
class inside {
 public:
  explicit inside(const std::string& folder) { std::filesystem::current_path(folder); }
  ~inside() { std::filesystem::current_path(before_); }
  inside(const inside&) = delete;
  inside& operator=(const inside&) = delete;

 private:
  std::filesystem::path before_ = std::filesystem::current_path();
};

result<endpoint> find(const endpoint_flags& flags, const std::map<std::string, std::string>& environment) {
  std::ostringstream out;
  std::atomic<bool> stopped{false};
  const auto variable = [&](const std::string& name) -> std::optional<std::string> {
    const auto found = environment.find(name);
    return found == environment.end() ? std::nullopt : std::optional(found->second);
  };
  return find_endpoint(flags, {out, out, false, false, 0, variable, stopped});
}

}  // namespace

TEST_CASE("a url is host and port, with 8420 when it names none") {
  CHECK(parse_url("http://north:9000/")->url() == "http://north:9000");
  CHECK(parse_url("http://north")->url() == "http://north:8420");
  CHECK(parse_url("http://[::1]:9000")->url() == "http://[::1]:9000");
  CHECK(parse_url("http://[::1]")->host == "::1");
  for (const char* wrong : {"north:9000", "https://north", "http://", "http://north:0", "http://north:70000",
                            "http://north:x", "http://north/v1", "http://me@north", "http://[::1", "http://[::1]9"}) {
    INFO(wrong);
    REQUIRE_FALSE(parse_url(wrong));
    CHECK(parse_url(wrong).error().hint == "write it like http://127.0.0.1:8420");
  }
}

TEST_CASE("a flag beats the environment, and the environment the node's file") {
  const temp_folder folder;
  const inside here(folder.path());
  std::filesystem::create_directories(folder.path("weir"));
  std::ofstream(folder.path("weir/node.json")) << R"({"url":"http://127.0.0.1:3","token":"from-file"})";
  std::ofstream(folder.path("token")) << "from-token-file\n";
  std::map<std::string, std::string> environment{{"XDG_STATE_HOME", folder.path()}};

  auto e = find({}, environment);
  REQUIRE(e);
  CHECK(e->port == 3);
  CHECK(e->token == "from-file");

  environment["WEIR_URL"] = "http://127.0.0.1:2";
  e = find({}, environment);
  REQUIRE(e);
  CHECK(e->port == 2);
  CHECK(e->token.empty());  // the file's token is for another node

  environment["WEIR_TOKEN"] = "from-environment";
  e = find({.url = "http://127.0.0.1:1"}, environment);
  REQUIRE(e);
  CHECK(e->port == 1);
  CHECK(e->token == "from-environment");

  e = find({.token_file = folder.path("token")}, environment);
  REQUIRE(e);
  CHECK(e->token == "from-token-file");
  e = find({.token = "from-flag", .token_file = folder.path("token")}, environment);
  REQUIRE(e);
  CHECK(e->token == "from-flag");

  e = find({.node_file = folder.path("weir/node.json")}, environment);
  REQUIRE(e);
  CHECK(e->port == 3);
  CHECK(e->token == "from-file");
}

TEST_CASE("a file's token is used for its own node named by url") {
  const temp_folder folder;
  const inside here(folder.path());
  std::filesystem::create_directories(folder.path("weir"));
  std::ofstream(folder.path("weir/node.json")) << R"({"url":"http://127.0.0.1:3","token":"t"})";
  const auto e = find({.url = "http://127.0.0.1:3"}, {{"XDG_STATE_HOME", folder.path()}});
  REQUIRE(e);
  CHECK(e->token == "t");
}

TEST_CASE("a node file or token file that cannot be used is an error that names it") {
  const temp_folder folder;
  std::ofstream(folder.path("bad.json")) << "[]";
  std::ofstream(folder.path("empty")) << " \n";
  for (const char* name : {"absent.json", "bad.json"}) {
    const auto e = find({.node_file = folder.path(name)}, {});
    REQUIRE_FALSE(e);
    CHECK_THAT(e.error().message, Catch::Contains(name));
  }
  CHECK_FALSE(find({.token_file = folder.path("empty")}, {}));
  CHECK_FALSE(find({.token = "a\r\nX-Evil: 1"}, {}));
}

TEST_CASE("names in a target are percent-encoded and empty arguments left out") {
  CHECK(target({"sources", "north/1 ä", "pause"}).text() == "/v1/sources/north%2F1%20%C3%A4/pause");
  CHECK(target({"views", "v", "rows"}).query("limit", "3").query("after", "").query("key", "a:b&c").text() ==
        "/v1/views/v/rows?limit=3&key=a%3Ab%26c");
}

}  // namespace weir::cli

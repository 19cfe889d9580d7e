#include "tools/weir_node/node_files.hpp"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support/temp_folder.hpp"

using namespace weir;

namespace {

unsigned mode_of(const std::string& path) {
  struct stat s {};
  REQUIRE(::stat(path.c_str(), &s) == 0);
  return s.st_mode & 0777U;
}

}  // namespace

TEST_CASE("a node makes its token once and keeps it, for its user alone") {
  temp_folder folder;
  const auto token = node_token("", folder.path());
  REQUIRE(token);
  CHECK(token->size() == 64);
  CHECK(mode_of(folder.path("token")) == 0600);
  CHECK(node_token("", folder.path()) == *token);
  temp_folder other;
  CHECK(node_token("", other.path()) != *token);
  CHECK(node_token("mine", folder.path()) == "mine");
}

TEST_CASE("an empty token file is no token") {
  temp_folder folder;
  std::ofstream(folder.path("token")).close();
  const auto token = node_token("", folder.path());
  REQUIRE(!token);
  CHECK_THAT(token.error().text(), Catch::Contains(folder.path("token")));
}

TEST_CASE("the node's file tells where it listens, until it is removed") {
  temp_folder folder;
  auto file = node_file::write(folder.path(), "http://127.0.0.1:8420", "secret");
  REQUIRE(file);
  CHECK(mode_of(file->path()) == 0600);
  std::ifstream in(file->path());
  CHECK(nlohmann::json::parse(in) == nlohmann::json{{"url", "http://127.0.0.1:8420"}, {"token", "secret"}});
  file->remove();
  CHECK(!std::filesystem::exists(file->path()));
  CHECK(!node_file::write(folder.path("absent"), "http://x", "t"));
}

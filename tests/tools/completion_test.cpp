#include "tools/weir/completion.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "tests/support/temp_folder.hpp"
#include "tests/tools/program_call.hpp"

namespace weir::cli {

namespace {

bool installed(const std::string& shell) {
  return std::system(("command -v " + shell + " >/dev/null 2>&1").c_str()) == 0;
}

std::string script_file(const temp_folder& folder, const std::string& shell) {
  program_call weir;
  REQUIRE(weir({"completion", shell}) == 0);
  const auto path = folder.path("weir." + shell);
  std::ofstream(path) << weir.out.str();
  return path;
}

// What bash offers for the last word of a command line.
std::string offered(const std::string& script, const std::string& words) {
  const std::string command = "bash -c 'source " + script + "; COMP_WORDS=(" + words +
                              "); COMP_CWORD=$((${#COMP_WORDS[@]}-1)); _weir; echo \"${COMPREPLY[@]}\"'";
  FILE* const pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string text;
  std::array<char, 512> piece{};
  while (fgets(piece.data(), piece.size(), pipe) != nullptr) text += piece.data();
  REQUIRE(pclose(pipe) == 0);
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

}  // namespace

TEST_CASE("each shell accepts its completion script") {
  const temp_folder folder;
  for (const std::string shell : {"bash", "zsh", "fish"}) {
    const auto path = script_file(folder, shell);
    if (!installed(shell)) {
      WARN("not checked by " << shell << ": it is not installed");
      continue;
    }
    INFO(shell);
    CHECK(std::system((shell + " -n " + path).c_str()) == 0);
  }
}

TEST_CASE("bash completes commands, options and their values") {
  const temp_folder folder;
  const auto script = script_file(folder, "bash");
  CHECK(offered(script, "weir so") == "source");
  CHECK(offered(script, "weir source re") == "resume remove");
  CHECK(offered(script, "weir --url http://x source sh") == "show");
  CHECK(offered(script, "weir view tail --fr") == "--from");
  CHECK(offered(script, "weir view list --output \"\"") == "table json csv");
  CHECK(offered(script, "weir view list --for") == "--format");
  CHECK(offered(script, "weir dead-letter re") == "retry");
}

TEST_CASE("a shell that is not known is a wrong command line") {
  program_call weir;
  CHECK(weir({"completion", "tcsh"}) == 2);
}

}  // namespace weir::cli

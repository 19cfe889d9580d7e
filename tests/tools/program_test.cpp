#include "tools/weir/program.hpp"
#include "tools/weir/program_tree.hpp"

#include <CLI/CLI.hpp>
#include <catch2/catch.hpp>
#include <fstream>

#include "tests/support/temp_folder.hpp"
#include "tests/tools/program_call.hpp"
#include "tests/tools/stub_server.hpp"

namespace weir::cli {

namespace {

void for_each_command(const CLI::App& app, std::vector<std::string> path,
                      const std::function<void(const std::vector<std::string>&)>& take) {
  take(path);
  for (const auto* child : app.get_subcommands([](const CLI::App*) { return true; })) {
    auto below = path;
    below.push_back(child->get_name());
    for_each_command(*child, below, take);
  }
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += word + " ";
  return text;
}

}  // namespace

TEST_CASE("every command's help holds an example") {
  settings set;
  action chosen;
  const auto program = make_program(set, chosen);
  program_call weir;
  int commands = 0;
  for_each_command(*program, {}, [&](std::vector<std::string> path) {
    ++commands;
    path.emplace_back("--help");
    INFO(joined(path));
    CHECK(weir(path) == 0);
    CHECK_THAT(weir.out.str(), Catch::Contains("Example"));
    CHECK_THAT(weir.out.str(), Catch::Contains("\n  weir "));
    CHECK(weir.err.str().empty());
  });
  CHECK(commands > 30);
}

TEST_CASE("the help tells the exit codes and where the node is looked for") {
  program_call weir;
  REQUIRE(weir({"--help"}) == 0);
  for (const char* text : {"124  it took longer", "WEIR_URL", "data/node.json", "NO_COLOR"}) {
    CHECK_THAT(weir.out.str(), Catch::Contains(text));
  }
}

TEST_CASE("a wrong command line ends with 2 and tells what was meant") {
  program_call weir;
  const std::vector<std::pair<std::vector<std::string>, std::string>> calls{
      {{"soruce", "list"}, "unknown command 'soruce'; did you mean 'source'?\n  see: weir --help"},
      {{"source", "lst"}, "unknown command 'lst' of 'source'; did you mean 'list'?\n  see: weir source --help"},
      {{"frobnicate"}, "unknown command 'frobnicate'; there are: source, stream"},
      {{"source", "list", "--formt", "json"}, "unknown option '--formt'; did you mean '--format'?"},
      {{"source", "show"}, "NAME is required\n  see: weir source show --help"},
      {{"source", "list", "-o", "xml"}, "xml"},
      {{"source", "list", "--url", "ftp://x"}, "does not begin with http://"},
      {{"source", "add", "a", "--stream", "s"}, "--connector is missing"},
      {{"source", "add", "a", "--option", "novalue"}, "key=value"},
      {{"source", "add", "a", "--from", "x.toml"}, "--from"},
      {{"apply", "-"}, "--name is missing"},
      {{}, "A subcommand is required"},
  };
  for (const auto& [arguments, text] : calls) {
    INFO(joined(arguments));
    CHECK(weir(arguments) == 2);
    CHECK_THAT(weir.err.str(), Catch::Contains(text));
    CHECK(weir.out.str().empty());
  }
}

TEST_CASE("a problem of the node becomes its words, its hint and an exit code") {
  const std::vector<std::pair<int, int>> codes{{400, 1}, {401, 1}, {403, 1}, {404, 3}, {409, 1},
                                               {413, 1}, {422, 1}, {500, 1}, {503, 1}, {504, 124}};
  for (const auto& [status, code] : codes) {
    INFO(status);
    const stub_server node([&, s = status](const stub_request&) {
      return stub_reply{s, R"({"title":"No","detail":"what and where","hint":"what next"})"};
    });
    program_call weir;
    CHECK(weir({"source", "show", "a", "--url", node.url()}) == code);
    CHECK(weir.err.str() == "weir: what and where\n  what next\n");
    CHECK(weir.out.str().empty());
  }
}

TEST_CASE("a refusal without a token tells how to give one") {
  const stub_server node([&](const stub_request&) { return stub_reply{401, R"({"detail":"no token"})"}; });
  program_call weir;
  CHECK(weir({"source", "list", "--url", node.url()}) == 1);
  CHECK_THAT(weir.err.str(), Catch::Contains("--token-file"));
}

TEST_CASE("an answer that is not JSON is an error that shows it") {
  const stub_server node([&](const stub_request&) { return stub_reply{200, "<html>", "text/html"}; });
  program_call weir;
  CHECK(weir({"source", "list", "--url", node.url()}) == 1);
  CHECK_THAT(weir.err.str(), Catch::Contains("<html>"));
}

TEST_CASE("an answer of another form than expected is an error") {
  const stub_server node([&](const stub_request&) { return stub_reply{200, "[1]"}; });
  program_call weir;
  CHECK(weir({"sql", "SELECT 1", "--url", node.url()}) == 1);
  CHECK_THAT(weir.err.str(), Catch::Contains("not of the form that was expected"));
}

TEST_CASE("a node that cannot be reached ends with 5 and tells how to start one") {
  std::string url;
  {
    url = stub_server([](const stub_request&) { return stub_reply{}; }).url();
  }
  program_call weir;
  CHECK(weir({"status", "--url", url}) == 5);
  CHECK_THAT(weir.err.str(), Catch::Contains(url) && Catch::Contains("(--url)") && Catch::Contains("tools/run"));
  CHECK(weir({"view", "tail", "v", "--url", url}) == 5);
}

TEST_CASE("a node that does not answer ends with 124 after --timeout, with 130 at Ctrl-C") {
  const stub_server node([](const stub_request&) { return stub_reply{.body = "", .open_end = true, .hold = true}; });
  program_call weir;
  CHECK(weir({"status", "--url", node.url(), "--timeout", "0.2"}) == 124);
  weir.stopped = true;
  CHECK(weir({"status", "--url", node.url()}) == 130);
}

TEST_CASE("colours go to terminals only, and not against NO_COLOR, --no-color or a dumb terminal") {
  const stub_server node([](const stub_request&) { return stub_reply{200, R"([{"name":"a","state":"running"}])"}; });
  const std::vector<std::string> call{"source", "list", "--url", node.url()};
  program_call weir;
  const auto coloured = [&](std::vector<std::string> arguments) {
    REQUIRE(weir(arguments) == 0);
    return weir.out.str().find('\x1b') != std::string::npos;
  };
  CHECK_FALSE(coloured(call));
  weir.out_is_tty = true;
  CHECK(coloured(call));
  CHECK_FALSE(coloured({"source", "list", "--url", node.url(), "--no-color"}));
  weir.environment["NO_COLOR"] = "1";
  CHECK_FALSE(coloured(call));
  weir.environment = {{"TERM", "dumb"}};
  CHECK_FALSE(coloured(call));
}

TEST_CASE("a table is cut to the terminal's width") {
  const stub_server node([](const stub_request&) {
    return stub_reply{200, R"([{"name":"a","last_error":")" + std::string(200, 'x') + "\"}]"};
  });
  program_call weir;
  weir.width = 60;
  REQUIRE(weir({"source", "list", "--url", node.url()}) == 0);
  CHECK_THAT(weir.out.str(), Catch::Contains("xxx…\n"));
}

TEST_CASE("validate checks SQL at the node and a configuration by itself") {
  const temp_folder folder;
  std::ofstream(folder.path("a.sql")) << "SELEC";
  std::ofstream(folder.path("good.toml")) << "[node]\nname = \"n\"\n";
  std::ofstream(folder.path("bad.toml")) << "[node]\nshards = \"many\"\n";
  const stub_server node([](const stub_request&) {
    return stub_reply{200, R"({"ok":false,"errors":[{"message":"syntax error","line":1,"column":5,"hint":"SELECT"}]})"};
  });
  program_call weir;
  CHECK(weir({"validate", folder.path("a.sql"), "--url", node.url()}) == 1);
  CHECK_THAT(weir.err.str(), Catch::Contains("a.sql:1:5: syntax error\n  SELECT\n"));
  CHECK(weir({"validate", folder.path("good.toml")}) == 0);
  CHECK(weir({"validate", folder.path("bad.toml")}) == 1);
  CHECK_THAT(weir.err.str(), Catch::Contains("shards"));
  CHECK(weir({"validate", folder.path("absent.sql"), "--url", node.url()}) == 1);
  CHECK_THAT(weir.err.str(), Catch::Contains("absent.sql': No such file"));
}

TEST_CASE("version prints itself") {
  program_call weir;
  REQUIRE(weir({"version"}) == 0);
  CHECK_THAT(weir.out.str(), Catch::StartsWith("weir "));
  REQUIRE(weir({"--version"}) == 0);
}

}  // namespace weir::cli

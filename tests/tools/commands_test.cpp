#include <catch2/catch.hpp>
#include <fstream>

#include "tests/support/temp_folder.hpp"
#include "tests/tools/program_call.hpp"
#include "tests/tools/stub_server.hpp"
#include "tools/weir/problem.hpp"

namespace weir::cli {

namespace {

constexpr const char* two_sources =
    R"({"items":[{"name":"cam1","stream":"camera","connector":"file","state":"running","rate":12.5,"lag":0,)"
    R"("last_error":null},{"name":"north","stream":"weather","connector":"file","state":"failed","rate":0,"lag":311,)"
    R"("last_error":"cannot read, gone"}],"next":null})";

auto replies(int status, std::string body) {
  return [status, body](const stub_request&) { return stub_reply{status, body}; };
}

}  // namespace

TEST_CASE("source list prints a table, json or csv") {
  const stub_server node(replies(200, two_sources));
  program_call weir;
  REQUIRE(weir({"source", "list", "--url", node.url()}) == 0);
  CHECK(weir.out.str() ==
        "NAME   STREAM   CONNECTOR  STATE    RECORDS/S  LAG  LAST ERROR\n"
        "cam1   camera   file       running       12.5    0\n"
        "north  weather  file       failed           0  311  cannot read, gone\n");
  REQUIRE(weir({"source", "list", "--url", node.url(), "-o", "csv"}) == 0);
  CHECK(weir.out.str() ==
        "name,stream,connector,state,rate,lag,last_error\r\n"
        "cam1,camera,file,running,12.5,0,\r\n"
        "north,weather,file,failed,0,311,\"cannot read, gone\"\r\n");
  REQUIRE(weir({"--format", "json", "source", "list", "--url", node.url()}) == 0);
  CHECK(json::parse(weir.out.str()) == json::parse(two_sources));
  CHECK(node.last().target == "/v1/sources?limit=1000");
}

TEST_CASE("source list follows pages, and folds the sources that POST fills by itself unless told otherwise") {
  const auto one = [](int number, const char* state, double rate) {
    return json{{"name", fmt::format("post.camera.{}", number)},
                {"group", "post.camera"},
                {"stream", "camera"},
                {"connector", "http"},
                {"state", state},
                {"rate", rate},
                {"lag", 5 - number},
                {"last_error", nullptr}};
  };
  auto cam = one(9, "failed", 0);
  cam["name"] = "cam1";
  cam["group"] = nullptr;
  const stub_server node([&](const stub_request& r) {
    const bool first = r.target.find("after=") == std::string::npos;
    const json page = first ? json{{"items", {cam, one(0, "running", 1.5)}}, {"next", "post.camera.0"}}
                            : json{{"items", {one(1, "running", 2), one(2, "waiting", 0)}}, {"next", nullptr}};
    return stub_reply{200, page.dump()};
  });
  program_call weir;
  REQUIRE(weir({"source", "list", "--url", node.url()}) == 0);
  CHECK(node.last().target == "/v1/sources?limit=1000&after=post.camera.0");
  CHECK(weir.out.str() ==
        "NAME               STREAM  CONNECTOR  STATE                 RECORDS/S  LAG  LAST ERROR\n"
        "cam1               camera  http       failed                      0.0   -4\n"
        "post.camera.* (3)  camera  http       running 2, waiting 1        3.5    3\n");
  REQUIRE(weir({"source", "list", "--each", "--url", node.url()}) == 0);
  CHECK_THAT(weir.out.str(), Catch::Contains("post.camera.2"));
  REQUIRE(weir({"source", "list", "-o", "json", "--url", node.url()}) == 0);
  CHECK(json::parse(weir.out.str())["items"].size() == 4);
  REQUIRE(weir({"source", "list", "--limit", "2", "--url", node.url()}) == 0);
  CHECK(node.last().target == "/v1/sources?limit=2");
  CHECK(weir.err.str() == "there may be more: --after post.camera.0\n");
}

TEST_CASE("the token goes with each request") {
  const stub_server node(replies(200, two_sources));
  program_call weir;
  REQUIRE(weir({"source", "list", "--url", node.url(), "--token", "s3cret"}) == 0);
  CHECK_THAT(node.last().head, Catch::Contains("Authorization: Bearer s3cret"));
}

TEST_CASE("source add sends name, stream, connector and options") {
  const stub_server node(replies(201, R"({"added":1})"));
  program_call weir;
  REQUIRE(weir({"source", "add", "cam1", "--stream", "camera", "--connector", "file", "--option", "path=/d/a=b",
                "--option", "follow=true", "--url", node.url()}) == 0);
  CHECK(node.last().method == "POST");
  CHECK(node.last().body ==
        R"({"name":"cam1","stream":"camera","connector":"file","options":{"path":"/d/a=b","follow":"true"}})");
  CHECK(weir.out.str() == "source 'cam1' added\n");
}

TEST_CASE("source add --from sends a whole list at once") {
  const temp_folder folder;
  std::ofstream(folder.path("sources.toml")) << R"(
[[source]]
name = "north"
stream = "weather"
connector = "file"
[source.options]
path = "north.txt"
[[source]]
name = "south"
stream = "weather"
connector = "file"
[source.options]
path = "/d/south.txt"
)";
  const stub_server node(replies(201, "{}"));
  program_call weir;
  INFO(weir.err.str());
  const int code = weir({"source", "add", "--from", folder.path("sources.toml"), "--url", node.url()});
  INFO(weir.err.str());
  REQUIRE(code == 0);
  const auto sent = json::parse(node.last().body);
  REQUIRE(sent["sources"].size() == 2);
  CHECK(sent["sources"][0]["options"]["path"] == folder.path("north.txt"));
  CHECK(sent["sources"][1]["name"] == "south");
  CHECK(weir.out.str() == "2 sources added\n");
}

TEST_CASE("source add --wait follows a source to its end") {
  int asked = 0;
  const stub_server node([&](const stub_request& r) {
    if (r.method == "POST") return stub_reply{201, "{}"};
    return stub_reply{200, ++asked < 3 ? R"({"state":"running","rate":10,"lag":5})" : R"({"state":"ended","rate":0})"};
  });
  program_call weir;
  REQUIRE(weir({"source", "add", "a", "--stream", "s", "--connector", "file", "--wait", "--progress", "--url",
                node.url()}) == 0);
  CHECK(asked == 3);
  CHECK_THAT(weir.err.str(), Catch::Contains("a: running, 10 records/s, lag 5\n"));
}

TEST_CASE("waiting ends with 4 when the source fails and with 124 at the timeout") {
  std::string state = R"({"state":"failed","last_error":"no such file"})";
  const stub_server node([&](const stub_request&) { return stub_reply{200, state}; });
  program_call weir;
  const std::vector<std::string> call{"source", "add",    "a",         "--stream", "s",     "--connector",
                                      "file",   "--wait", "--timeout", "0.3",      "--url", node.url()};
  CHECK(weir(call) == 4);
  CHECK_THAT(weir.err.str(), Catch::Contains("no such file"));
  state = R"({"state":"running"})";
  CHECK(weir(call) == 124);
  CHECK_THAT(weir.err.str(), Catch::Contains("--timeout"));
}

TEST_CASE("every command asks for its own path") {
  const stub_server node(replies(200, R"({"items":[],"columns":[],"rows":[],"ok":true})"));
  program_call weir;
  const temp_folder folder;
  std::ofstream(folder.path("socks.sql")) << "SELECT 1";
  const std::vector<std::tuple<std::vector<std::string>, std::string, std::string>> calls{
      {{"source", "show", "a b"}, "GET", "/v1/sources/a%20b"},
      {{"source", "pause", "a"}, "POST", "/v1/sources/a/pause"},
      {{"source", "resume", "a"}, "POST", "/v1/sources/a/resume"},
      {{"source", "remove", "a"}, "DELETE", "/v1/sources/a"},
      {{"stream", "list"}, "GET", "/v1/streams"},
      {{"stream", "show", "s"}, "GET", "/v1/streams/s"},
      {{"stream", "records", "s", "--limit", "5"}, "GET", "/v1/streams/s/records?limit=5"},
      {{"view", "list"}, "GET", "/v1/views"},
      {{"view", "show", "v"}, "GET", "/v1/views/v"},
      {{"view", "get", "v", "--key", "a=1", "--from", "x", "--newest"},
       "GET",
       "/v1/views/v/rows?key=a%3A1&from=x&order=newest&limit=100"},
      {{"pipeline", "list"}, "GET", "/v1/pipelines"},
      {{"pipeline", "show", "p"}, "GET", "/v1/pipelines/p"},
      {{"pipeline", "drop", "p"}, "DELETE", "/v1/pipelines/p"},
      {{"pipeline", "resume", "p"}, "POST", "/v1/pipelines/p/resume"},
      {{"dead-letter", "list", "s", "--late"}, "GET", "/v1/dead_letters/s?late=true&limit=100"},
      {{"dead-letter", "show", "s", "3-1"}, "GET", "/v1/dead_letters/s/3-1"},
      {{"dead-letter", "retry", "s", "3-1"}, "POST", "/v1/dead_letters/s/3-1/retry"},
      {{"apply", folder.path("socks.sql")}, "POST", "/v1/pipelines"},
      {{"apply", folder.path("socks.sql"), "--dry-run"}, "POST", "/v1/validate"},
      {{"validate", folder.path("socks.sql")}, "POST", "/v1/validate"},
      {{"sql", "SELECT 1"}, "POST", "/v1/sql"},
      {{"status", "--connectors"}, "GET", "/v1/connectors"},
  };
  for (const auto& [words, method, path] : calls) {
    auto arguments = words;
    arguments.insert(arguments.end(), {"--url", node.url()});
    INFO(path);
    CHECK(weir(arguments) == 0);
    CHECK(node.last().method == method);
    CHECK(node.last().target == path);
  }
}

TEST_CASE("apply names the pipeline after the file and sends its SQL") {
  const temp_folder folder;
  std::ofstream(folder.path("socks.sql")) << "CREATE TABLE x (a text)";
  const stub_server node(replies(200, "{}"));
  program_call weir;
  REQUIRE(weir({"apply", folder.path("socks.sql"), "--replace", "--from", "end", "--url", node.url()}) == 0);
  CHECK(json::parse(node.last().body) ==
        json{{"name", "socks"}, {"sql", "CREATE TABLE x (a text)"}, {"replace", true}, {"from", "end"}});
  CHECK(weir.out.str() == "pipeline 'socks' replaced\n");
}

TEST_CASE("dead-letter retry sends the corrected record") {
  const stub_server node(replies(200, "{}"));
  program_call weir;
  REQUIRE(weir({"dead-letter", "retry", "s", "3-1", "--record", "{}", "--url", node.url()}) == 0);
  CHECK(json::parse(node.last().body) == json{{"record", "{}"}});
}

TEST_CASE("sql prints rows under their columns") {
  const stub_server node(replies(
      200,
      R"({"columns":[{"name":"image","type":"text"},{"name":"n","type":"bigint"}],"rows":[["Sock",3],[null,12]]})"));
  program_call weir;
  REQUIRE(weir({"sql", "SELECT image, n FROM v", "--url", node.url()}) == 0);
  CHECK(weir.out.str() == "image   n\nSock    3\n       12\n");
  CHECK(json::parse(node.last().body) == json{{"query", "SELECT image, n FROM v"}});
  REQUIRE(weir({"sql", "SELECT 1", "-o", "csv", "--url", node.url()}) == 0);
  CHECK(weir.out.str() == "image,n\r\nSock,3\r\n,12\r\n");
}

TEST_CASE("view get follows pages up to its limit, in the view's own order of columns") {
  const stub_server node([](const stub_request& r) {
    if (r.target == "/v1/views/v") return stub_reply{200, R"({"columns":[{"name":"t"},{"name":"a"}]})"};
    if (r.target.find("after=") == std::string::npos) {
      return stub_reply{200, R"({"items":[{"a":1,"t":"x"},{"a":2,"t":"y"}],"next":"m1"})"};
    }
    return stub_reply{200, R"({"items":[{"a":3,"t":"z"}],"next":"m2"})"};
  });
  program_call weir;
  REQUIRE(weir({"view", "get", "v", "--limit", "3", "--url", node.url()}) == 0);
  CHECK(weir.out.str() == "t  a\nx  1\ny  2\nz  3\n");
  CHECK(node.last().target == "/v1/views/v/rows?limit=1&after=m1");
  CHECK(weir.err.str() == "there may be more: --after m2\n");
}

TEST_CASE("status tells the checks and ends with 4 when the node is not ready") {
  const stub_server node([](const stub_request& r) {
    if (r.target.starts_with("/readyz")) return stub_reply{503, "[+]log ok\n[-]shard-2 replays\nreadyz failed\n"};
    return stub_reply{200, R"({"version":"0.1.0"})"};
  });
  program_call weir;
  CHECK(weir({"status", "-o", "json", "--url", node.url()}) == 4);
  const auto shown = json::parse(weir.out.str());
  CHECK(shown["ready"] == false);
  CHECK(shown["checks"] == json{{"log", "ok"}, {"shard-2", "replays"}});
  CHECK(weir({"status", "--wait", "--timeout", "0.3", "--url", node.url()}) == 124);
}

}  // namespace weir::cli

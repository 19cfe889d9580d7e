#include "actors/gateway/routes.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "tests/actors/gateway/http_client.hpp"
#include "tests/support/temp_folder.hpp"

using namespace weir;

namespace {

// A target that exists for every pattern.
std::string target_of(const route& where) {
  std::string out = where.pattern;
  const auto put = [&](std::string_view from, std::string_view to) {
    if (const auto at = out.find(from); at != std::string::npos) out.replace(at, from.size(), to);
  };
  std::string name = "cam1";
  if (where.tag == "streams" || where.tag == "dead letters") name = "camera";
  if (where.tag == "views") name = "seen";
  if (where.tag == "pipelines") name = "socks";
  put("{name}", name);
  put("{id}", "3-1");
  return out;
}

std::string body_of(const route& where) {
  if (where.request == "source_submission") return R"({"name":"cam2","stream":"camera","connector":"file"})";
  if (where.request == "pipeline_request") return R"({"name":"socks","sql":"SELECT 1"})";
  if (where.request == "sql_request") return R"({"query":"SELECT 1"})";
  if (where.request == "validate_request") return R"({"sql":"SELECT 1"})";
  return where.request.empty() && where.raw_request.empty() ? "" : "{}";
}

std::string detail(const http_answer& answer) { return answer.json().value("detail", ""); }

}  // namespace

TEST_CASE("every route answers a good request with its success", "[gateway]") {
  served_node served;
  for (const route& where : routes()) {
    if (where.over != transport::rest) continue;
    INFO(where.operation_id);
    const auto answer = served.ask(where.method, target_of(where), {bearer, as_json}, body_of(where));
    CHECK(answer.status == where.success);
    CHECK(answer.headers.at("x-content-type-options") == "nosniff");
    CHECK(answer.headers.at("content-security-policy").starts_with("default-src 'self'"));
    CHECK(served.metrics().requests(&where, 2) == 1);
  }
}

TEST_CASE("every route but the open ones refuses a request without the token", "[gateway]") {
  served_node served;
  std::uint64_t refused = 0;
  for (const route& where : routes()) {
    INFO(where.operation_id);
    const bool open = where.need == access_need::open;
    const header_list wrong[] = {{as_json},
                                 {as_json, {"Authorization", "Bearer secres"}},
                                 {as_json, {"Authorization", "Basic secret"}},
                                 {as_json, {"Cookie", "weir_session=x"}}};
    for (const auto& headers : wrong) {
      const auto answer = served.ask(where.method, target_of(where), headers, body_of(where));
      CHECK((answer.status == 401) == !open);
      if (open) continue;
      ++refused;
      CHECK(answer.json()["code"] == "permission_denied");
      CHECK(answer.headers.at("www-authenticate") == "Bearer");
    }
  }
  CHECK(served.metrics().auth_refused == refused);
  CHECK(served.node.commands().empty());
}

TEST_CASE("only health, the description and the page are open", "[gateway]") {
  std::vector<std::string> open;
  for (const route& where : routes()) {
    if (where.need == access_need::open) open.push_back(where.pattern);
  }
  CHECK(open == std::vector<std::string>{"/livez", "/readyz", "/openapi.json"});
}

TEST_CASE("metrics need the token unless the option says otherwise", "[gateway]") {
  served_node closed;
  CHECK(closed.ask("GET", "/metrics", {}).status == 401);
  served_node open({.metrics_open = true});
  const auto answer = open.ask("GET", "/metrics", {});
  REQUIRE(answer.status == 200);
  CHECK(answer.body.find("weir_fake 1\n") != std::string::npos);
  CHECK(answer.body.find("weir_gateway_connections_total 1\n") != std::string::npos);
}

TEST_CASE("an unknown path is 404 and a wrong method 405 with what is allowed", "[gateway]") {
  served_node served;
  const auto unknown = served.ask("GET", "/v1/nothing");
  CHECK(unknown.status == 404);
  CHECK(unknown.headers.at("content-type") == "application/problem+json");
  CHECK(served.ask("GET", "/v1/streams/").status == 404);
  CHECK(served.ask("GET", "/assets/../secret").status == 404);
  CHECK(served.ask("GET", "/..%2f..%2fetc%2fpasswd").status == 404);
  const auto wrong = served.ask("PUT", "/v1/sources");
  CHECK(wrong.status == 405);
  CHECK(wrong.headers.at("allow") == "GET, HEAD, POST, OPTIONS");
  CHECK(served.ask("DELETE", "/").status == 405);
  CHECK(served.ask("GET", "/v1/streams/%zz").status == 400);
  CHECK(served.ask("GET", "/v1/streams?limit=%2").status == 400);
}

TEST_CASE("HEAD answers as GET without a body and OPTIONS tells the methods", "[gateway]") {
  served_node served;
  const auto get = served.ask("GET", "/v1/streams");
  const auto head = served.ask("HEAD", "/v1/streams");
  CHECK(head.status == 200);
  CHECK(head.body.empty());
  CHECK(head.headers.at("content-length") == get.headers.at("content-length"));
  CHECK(served.ask("HEAD", "/v1/views/seen/live").status == 200);
  const auto options = served.ask("OPTIONS", "/v1/sources/cam1", {});
  CHECK(options.status == 204);
  CHECK(options.headers.at("allow") == "DELETE, GET, HEAD, OPTIONS");
}

TEST_CASE("bodies are checked against the schema that the description shows", "[gateway]") {
  served_node served;
  const auto post = [&](const std::string& target, const std::string& body, const std::string& type) {
    return served.ask("POST", target, {bearer, {"Content-Type", type}}, body);
  };
  const std::string json = "application/json; charset=utf-8";
  CHECK(post("/v1/sql", R"({"query":"SELECT 1"})", json).status == 200);
  CHECK(post("/v1/sql", R"({"query":"SELECT 1"})", "text/plain").status == 415);
  const auto broken = post("/v1/sql", "{\"query\":\n  nope}", json);
  CHECK(broken.status == 400);
  CHECK(detail(broken).find("line 2, column 4") != std::string::npos);
  CHECK(detail(post("/v1/sql", "{}", json)) == "the body lacks 'query'");
  CHECK(detail(post("/v1/sql", R"({"query":7})", json)) == "/query is 7; write a text");
  CHECK(detail(post("/v1/sql", R"({"query":"x","limit":1})", json)) == "the body has no member 'limit'");
  CHECK(detail(post("/v1/sources", R"({"sources":[{"name":"","stream":"s","connector":"c"}]})", json)) ==
        "/sources/0/name is empty");
  CHECK(detail(post("/v1/sources", R"({"sources":[]})", json)) == "/sources has 0 items; write 1 to 10000");
  CHECK(detail(post("/v1/sources", R"({"name":"a"})", json)) == "the body lacks 'stream'");
  CHECK(detail(post("/v1/pipelines", R"({"name":"a","sql":"b","from":"middle"})", json)) ==
        "/from is \"middle\"; write one of [\"beginning\",\"end\"]");
  CHECK(post("/v1/sql", std::string(100'000, '['), json).status == 400);
  CHECK(post("/v1/sources/cam1/pause", "[1]", json).status == 400);
  CHECK(served.node.commands().empty());
}

TEST_CASE("commands reach the node with what was asked", "[gateway]") {
  served_node served;
  const auto post = [&](const std::string& target, const std::string& body) {
    return served.ask("POST", target, {bearer, as_json}, body).status;
  };
  CHECK(post("/v1/sources",
             R"({"name":"a/b","stream":"s","connector":"c","options":{"rate":3,"follow":true,"x":"y"}})") == 201);
  CHECK(served.node.sources["a/b"]["options"] == nlohmann::json{{"rate", "3"}, {"follow", "true"}, {"x", "y"}});
  CHECK(post("/v1/sources", R"({"sources":[{"name":"c","stream":"s","connector":"x"},)"
                            R"({"name":"d","stream":"s","connector":"x"}]})") == 201);
  CHECK(post("/v1/sources", R"({"name":"taken","stream":"s","connector":"c"})") == 409);
  CHECK(post("/v1/sources/a%2Fb/pause", "") == 200);
  CHECK(post("/v1/sources/a%2Fb/resume", "{}") == 200);
  CHECK(served.ask("DELETE", "/v1/sources/a%2Fb").status == 200);
  CHECK(post("/v1/pipelines", R"({"name":"p","sql":"x","replace":true,"from":"end"})") == 200);
  CHECK(served.ask("DELETE", "/v1/pipelines/p").status == 200);
  CHECK(post("/v1/pipelines/p/resume", "") == 200);
  CHECK(post("/v1/dead_letters/camera/3-1/retry", R"({"record":"{}"})") == 200);
  CHECK(post("/v1/dead_letters/camera/3-1/retry", "") == 200);
  CHECK(served.node.commands() == std::vector<std::string>{"add a/b", "add c,d", "pause a/b", "resume a/b",
                                                           "remove a/b", "apply p replace end", "drop p", "resume p",
                                                           "retry camera 3-1 {}", "retry camera 3-1 -"});
}

TEST_CASE("errors of the node keep their hint and get their status", "[gateway]") {
  served_node served;
  CHECK(served.ask("GET", "/v1/views/nothing").status == 404);
  const auto answer = served.ask("POST", "/v1/sql", {bearer, as_json}, R"({"query":"SELECT broken"})");
  CHECK(answer.status == 400);
  CHECK(answer.json()["hint"] == "did you mean 'b'?");
  CHECK(answer.json()["type"] == "urn:weir:error:invalid_argument");
  CHECK(answer.json()["status"] == 400);
}

TEST_CASE("rows come as JSON, CSV or NDJSON", "[gateway]") {
  served_node served;
  served.append("seen", {{"k", "a, b"}, {"b", 1}, {"a", nullptr}});
  served.append("seen", {{"k", "c"}, {"b", 2}, {"a", 3}});
  const auto ask = [&](const std::string& accept) {
    return served.ask("GET", "/v1/views/seen/rows?limit=1", {bearer, {"Accept", accept}});
  };
  CHECK(ask("application/json").json()["next"] == "1");
  const auto csv = ask("text/csv");
  CHECK(csv.body == "k,b,a\r\n\"a, b\",1,\r\n");
  CHECK(csv.headers.at("content-disposition") == "attachment; filename=\"view_rows-seen.csv\"");
  CHECK(csv.headers.at("weir-next") == "1");
  CHECK(ask("application/x-ndjson").body == "{\"a\":null,\"b\":1,\"k\":\"a, b\"}\n");
  CHECK(ask("text/html, text/csv;q=0.9, */*;q=0.1").headers.at("content-type").starts_with("text/csv"));
  CHECK(ask("*/*").headers.at("content-type") == "application/json");
  CHECK(ask("image/png").status == 406);
  const auto sql = served.ask("POST", "/v1/sql", {bearer, as_json, {"Accept", "text/csv"}}, R"({"query":"SELECT 1"})");
  CHECK(sql.body == "z,a\r\n\"x, \"\"y\"\"\",1\r\n,2\r\n");
}

TEST_CASE("pages and parameters of rows have limits and names", "[gateway]") {
  served_node served({.max_page_rows = 50});
  for (int i = 0; i < 3; ++i) served.append("seen", {{"k", i % 2 == 0 ? "even" : "odd"}, {"b", i}});
  const auto ask = [&](const std::string& query) { return served.ask("GET", "/v1/views/seen/rows?" + query); };
  CHECK(ask("limit=50").status == 200);
  CHECK(ask("limit=51").status == 400);
  CHECK(ask("limit=0").status == 400);
  CHECK(ask("limit=ten").status == 400);
  CHECK(ask("limit=1&limit=2").status == 400);
  CHECK(ask("colour=red").status == 400);
  CHECK(ask("order=sideways").status == 400);
  CHECK(ask("key=k").status == 400);
  CHECK(ask("key=k:a&key=k:b").status == 400);
  CHECK(ask("key=k:even").json()["items"].size() == 2);
  CHECK(ask("order=newest").json()["items"][0]["b"] == 2);
  CHECK(ask("limit=2&after=2").json()["items"].size() == 1);
  const auto late = served.ask("GET", "/v1/dead_letters/camera?late=true");
  CHECK(late.json()["items"][0]["id"] == "3-2");
}

TEST_CASE("sources are listed in pages", "[gateway]") {
  served_node served({.max_page_rows = 2});
  for (const auto* name : {"a", "b", "c"}) served.node.sources[name] = {{"name", name}};
  const auto first = served.ask("GET", "/v1/sources").json();
  CHECK(first["items"].size() == 2);
  REQUIRE(first["next"].is_string());
  const auto rest = served.ask("GET", "/v1/sources?limit=1&after=" + first["next"].get<std::string>()).json();
  CHECK(rest["items"][0]["name"] == "c");
  CHECK(served.ask("GET", "/v1/sources?limit=3").status == 400);
}

TEST_CASE("health turns 503 with the check that failed", "[gateway]") {
  served_node served;
  CHECK(served.ask("GET", "/readyz?verbose", {}).body == "[+]log ok\n[+]shards ok\nreadyz ok\n");
  CHECK(served.ask("GET", "/livez", {}).body == "livez ok\n");
  served.node.healthy = false;
  const auto answer = served.ask("GET", "/readyz", {});
  CHECK(answer.status == 503);
  CHECK(answer.body.find("[-]shards shard 1 is stuck\n") != std::string::npos);
  CHECK(served.ask("GET", "/livez", {}).status == 503);
}

TEST_CASE("the page and its files come without a token, from the program or from a folder", "[gateway]") {
  served_node embedded;
  const auto page = embedded.ask("GET", "/", {});
  CHECK(page.status == 200);
  CHECK(page.headers.at("content-type") == "text/html; charset=utf-8");
  CHECK(page.body.find("<script type=\"module\"") != std::string::npos);
  CHECK(page.body.find("<style") == std::string::npos);
  CHECK(embedded.ask("GET", "/assets/app.js", {}).headers.at("content-type") == "text/javascript; charset=utf-8");
  CHECK(embedded.ask("GET", "/assets/app.css", {}).headers.at("content-type") == "text/css; charset=utf-8");
  CHECK(embedded.ask("GET", "/icon.svg", {}).status == 200);
  CHECK(embedded.ask("GET", "/assets", {}).status == 404);

  temp_folder folder;
  std::ofstream(folder.path("index.html")) << "mine";
  std::ofstream(folder.path(".hidden")) << "hidden";
  served_node other({.ui_dir = folder.path()});
  CHECK(other.ask("GET", "/", {}).body == "mine");
  CHECK(other.ask("GET", "/.hidden", {}).status == 404);
  CHECK(other.ask("GET", "/assets/app.js", {}).status == 404);
  const auto name = std::filesystem::path(folder.path()).filename().string();
  CHECK(other.ask("GET", "/../" + name + "/index.html", {}).status == 404);
  CHECK(other.ask("GET", "/..%2F" + name + "%2Findex.html", {}).status == 404);
}

#include "actors/gateway/openapi.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <set>

#include "actors/gateway/routes.hpp"
#include "actors/gateway/schemas.hpp"
#include "tests/support/temp_folder.hpp"

using namespace weir;
using nlohmann::json;

namespace {

void collect_references(const json& value, std::set<std::string>& out) {
  if (value.is_object() && value.contains("$ref")) out.insert(value["$ref"]);
  if (!value.is_structured()) return;
  for (const auto& inner : value) collect_references(inner, out);
}

}  // namespace

TEST_CASE("the description holds every route of the table and no other", "[gateway]") {
  std::set<std::string> described, routed, ids;
  const json description = openapi_description();
  for (const auto& path : description["paths"].items()) {
    for (const auto& method : path.value().items()) {
      described.insert(method.key() + " " + path.key());
      ids.insert(method.value()["operationId"]);
      std::set<std::string> parameters;
      for (const auto& one : method.value().value("parameters", json::array())) {
        if (one["in"] == "path") parameters.insert(one["name"]);
      }
      const auto expected = path_parameters(path.key());
      CHECK(parameters == std::set<std::string>(expected.begin(), expected.end()));
    }
  }
  for (const route& where : routes()) {
    std::string method = where.method;
    for (char& c : method) c = static_cast<char>(std::tolower(c));
    routed.insert(method + " " + where.pattern);
  }
  CHECK(described == routed);
  CHECK(ids.size() == routes().size());
}

TEST_CASE("every schema that is referred to exists, and every one is used", "[gateway]") {
  std::set<std::string> used, defined;
  collect_references(openapi_description(), used);
  for (const auto& schema : schemas().items()) defined.insert("#/components/schemas/" + schema.key());
  for (const auto& name : used) CHECK(defined.count(name) == 1);
  for (const auto& name : defined) {
    INFO(name);
    CHECK(used.count(name) == 1);
  }
}

TEST_CASE("an OpenAPI validator accepts the description", "[gateway]") {
  const char* chosen = std::getenv("WEIR_PYTHON");
  const std::string python = chosen == nullptr ? "python3" : chosen;
  if (std::system((python + " -c 'import openapi_spec_validator' 2>/dev/null").c_str()) != 0) {
    WARN("openapi_test skipped: " + python + " has no openapi-spec-validator");
    return;
  }
  temp_folder folder;
  std::ofstream(folder.path("openapi.json")) << openapi_description().dump();
  CHECK(std::system((python + " -m openapi_spec_validator " + folder.path("openapi.json")).c_str()) == 0);
}

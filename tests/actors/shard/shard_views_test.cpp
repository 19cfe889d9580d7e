#include <catch2/catch.hpp>

#include "runtime/log/sim_log.hpp"
#include "tests/support/sim_node.hpp"
#include "tests/support/temp_folder.hpp"

using namespace weir;

namespace {

const char* const socks_sql = R"(
CREATE TABLE camera (arrival timestamptz, image text NOT NULL)
  WITH (format = 'json', event_time = 'arrival', lateness = '1 s');
CREATE MATERIALIZED VIEW sock_seen WITH (emit = 'final') AS
  SELECT window_start, image, count(*) AS seen
  FROM tumble(camera, interval '5 seconds')
  WHERE image <> 'Blank'
  GROUP BY window_start, image
  HAVING count(*) > 3;
)";

scripted_source camera() {
  scripted_source s{"cam", "camera"};
  const auto add = [&](const char* time, const char* image) {
    s.records.push_back(std::string(R"({"arrival":"2020-01-01T18:10:)") + time + R"(Z","image":")" + image + "\"}");
  };
  add("50.1", "Blank");
  for (const char* t : {"52.5", "52.8", "53.1", "53.4"}) add(t, "Google");
  add("52.2", "Mongo");  // out of order, within the lateness
  add("55.2", "Mongo");
  return s;
}

std::vector<std::string> run(int shards, std::uint64_t seed) {
  temp_folder folder;
  sim_log log;
  sim_node_options o;
  o.shards = shards;
  o.seed = seed;
  sim_node node(log, folder.path("state"), o, {{"socks", socks_sql}}, {camera()});
  CHECK(node.run_to_rest());
  for (const auto& why : node.quarantined) FAIL(why);
  for (const auto& why : node.failed_shards) FAIL(why);
  return final_rows(log, "weir", node.control().plan()->names.views.at("sock_seen"), shards);
}

}  // namespace

TEST_CASE("a windowed view answers the same on any number of shards") {
  const std::vector<std::string> expected{R"({"window_start":"2020-01-01T18:10:50Z","image":"Google","seen":4})"};
  for (const int shards : {1, 4, 7})
    for (std::uint64_t seed = 1; seed <= 3; ++seed) CHECK(run(shards, seed) == expected);
}

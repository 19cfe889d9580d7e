#include <algorithm>
#include <catch2/catch.hpp>
#include <map>

#include "runtime/log/sim_log.hpp"
#include "tests/support/sim_node.hpp"
#include "tests/support/temp_folder.hpp"

using namespace weir;

namespace {

const char* const orders_sql = R"(
CREATE TABLE orders (id bigint NOT NULL, k text NOT NULL) WITH (format = 'json');
CREATE MATERIALIZED VIEW odd WITH (topic = 'odd', format = 'csv', delimiter = ';') AS
  SELECT k, id FROM orders WHERE id % 2 = 1;
CREATE MATERIALIZED VIEW totals WITH (max_rows = 2, topic = 'out.totals') AS
  SELECT k, count(*) AS n, sum(id) AS total FROM orders GROUP BY k;
CREATE MATERIALIZED VIEW everything WITH (max_rows = 10, topic = 'everything') AS SELECT count(*) AS n FROM orders;
)";

scripted_source orders(const std::string& name) {
  scripted_source s{name, "orders"};
  for (int i = 0; i < 40; ++i) s.records.push_back(fmt::format(R"({{"id":{},"k":"k{}"}})", i, i / 5));
  return s;
}

// By key: the newest value; what is deleted is left out.
std::map<std::string, std::string> table_of(event_log& log, const std::string& topic, int shards) {
  std::map<std::string, std::string> out;
  for (int p = 0; p < shards; ++p) {
    auto reader = log.read(topic, p, 0).value();
    for (auto entries = reader->fetch(1 << 20).value(); !entries.empty(); entries = reader->fetch(1 << 20).value())
      for (const auto& e : entries) {
        out.erase(e.key);
        if (e.value) out[e.key] = *e.value;
      }
  }
  return out;
}

}  // namespace

TEST_CASE("a view with a topic writes its rows there too: values, keys, and tombstones for rows that go") {
  for (const int shards : {1, 3}) {
    temp_folder folder;
    sim_log log;
    sim_node_options o;
    o.shards = shards;
    sim_node node(log, folder.path("state"), o, {{"main", orders_sql}}, {orders("a"), orders("b")});
    REQUIRE(node.run_to_rest());
    for (const auto& why : node.quarantined) FAIL(why);
    std::vector<std::string> odd;
    for (int copy = 0; copy < 2; ++copy)
      for (int i = 1; i < 40; i += 2) odd.push_back(fmt::format("k{};{}", i / 5, i));
    std::ranges::sort(odd);
    CHECK(topic_values(log, "odd", shards) == odd);
    const auto table = table_of(log, "out.totals", shards);
    const auto rows = final_rows(log, "weir", node.control().plan()->names.views.at("totals"), shards);
    std::vector<std::string> values;
    for (const auto& [key, value] : table) {
      CHECK(value.starts_with(key.substr(0, key.size() - 1) + ","));  // {"k":"k7"} and {"k":"k7","n":...
      values.push_back(value);
    }
    std::ranges::sort(values);
    CHECK(values == rows);
    CHECK(table.size() <= 2 * static_cast<std::size_t>(shards));
    CHECK(table_of(log, "everything", shards) == std::map<std::string, std::string>{{"everything", R"({"n":80})"}});
  }
}

#include "tests/runtime/sql/sql_fixture.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

constexpr std::string_view camera = R"sql(
CREATE TABLE camera (image text NOT NULL, probability double precision)
  WITH (format = 'json', lateness = '2 s', idle = '10 s');   -- no event_time: the time of arrival
)sql";

std::string with_camera(std::string_view view) { return std::string(camera) + std::string(view); }

}  // namespace

TEST_CASE("the sock example of the design plans as a windowed append view") {
  const auto plan = view_of(with_camera(R"sql(
CREATE MATERIALIZED VIEW sock_seen WITH (emit = 'final') AS
  SELECT window_start, image, count(*) AS seen, max(probability) AS best
  FROM tumble(camera, interval '5 seconds')
  WHERE image <> 'Blank'
  GROUP BY window_start, image
  HAVING count(*) > 3;
)sql"));
  CHECK(plan.name == "sock_seen");
  CHECK(plan.input == "camera");
  CHECK(plan.grouped);
  CHECK(plan.window.kind == window_kind::tumble);
  CHECK(plan.window.size_us == 5'000'000);
  REQUIRE(plan.keys.size() == 1);
  REQUIRE(plan.aggregates.size() == 2);
  CHECK(plan.aggregates[0].kind == aggregate_kind::count_rows);
  CHECK(plan.kind == view_kind::append);
  CHECK(plan.emit == emit_mode::final_rows);
  CHECK(plan.key_columns == std::vector<std::size_t>{1, 0});
  REQUIRE(plan.output_columns->fields.size() == 4);
  CHECK(plan.output_columns->fields[2] == field{"seen", data_type::bigint, false});
  CHECK(plan.group_columns->fields[1].name == "window_start");
  CHECK_FALSE(plan.keyed_by_source);
}

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

TEST_CASE("the session variant groups by the window's end") {
  const auto plan = view_of(with_camera(R"sql(
CREATE MATERIALIZED VIEW sock_sessions AS
  SELECT window_end, source, image, count(*) AS seen FROM session(camera, interval '3 seconds')
  WHERE image <> 'Blank' GROUP BY window_end, source, image)sql"));
  CHECK(plan.window.kind == window_kind::session);
  CHECK(plan.window.size_us == 3'000'000);
  CHECK(plan.keyed_by_source);
  CHECK(plan.source_key == 0);
  CHECK(plan.source_column == 1);
  CHECK(plan.key_columns == std::vector<std::size_t>{1, 2, 0});
  CHECK(plan.input_fields[0].from == input_field::origin::column);  // image, of WHERE
  CHECK(plan.input_fields[1].from == input_field::origin::source);
}

TEST_CASE("pairs of socks plan over the view of socks, with aggregates inside CASE") {
  const auto plan = view_of(with_camera(R"sql(
CREATE MATERIALIZED VIEW sock_seen AS
  SELECT window_start, image, count(*) AS seen FROM tumble(camera, interval '5 seconds') GROUP BY window_start, image;
CREATE MATERIALIZED VIEW pairs WITH (max_rows = 1000) AS
  SELECT image, CASE WHEN count(*) % 2 = 0 THEN 'Pair' ELSE 'Un-matched' END AS state FROM sock_seen GROUP BY image;
)sql"));
  CHECK(plan.input == "sock_seen");
  CHECK_FALSE(plan.input_is_stream);
  CHECK(plan.kind == view_kind::upsert);
  CHECK(plan.max_rows == 1000);
  REQUIRE(plan.aggregates.size() == 1);
  record_batch groups{
      plan.group_columns, {column_of(data_type::text, {"a", "b"}), column_of(data_type::bigint, {"2", "3"})}, 2};
  std::vector<row_error> errors;
  const auto state = plan.output[1]->evaluate(groups, errors);
  CHECK(state->text(0) == "Pair");
  CHECK(state->text(1) == "Un-matched");
}

TEST_CASE("weather per station and hour plans, and its expressions read the records") {
  const auto plan = view_of(R"sql(
CREATE TABLE isd (station text, date timestamptz, tmp text) WITH (format = 'csv', event_time = 'date');
CREATE MATERIALIZED VIEW hourly AS
  SELECT window_start, station, count(*) AS n, min(split_part(tmp, ',', 1)::double precision / 10) AS low,
         max(split_part(tmp, ',', 1)::double precision / 10) AS high,
         avg(split_part(tmp, ',', 1)::double precision / 10) AS mean
  FROM tumble(isd, interval '1 hour')
  WHERE split_part(tmp, ',', 2) NOT IN ('2', '3', '6', '7')
  GROUP BY window_start, station)sql");
  REQUIRE(plan.aggregates.size() == 4);
  REQUIRE(plan.input_columns->fields.size() == 2);
  record_batch rows{plan.input_columns,
                    {column_of(data_type::text, {"+0123,1", "-0050,1", "x,1", "+9999,2", "NULL"}),
                     column_of(data_type::text, {"a", "a", "b", "b", "c"})},
                    5};
  std::vector<row_error> errors;
  const auto passes = plan.where->evaluate(rows, errors);
  CHECK(errors.empty());
  CHECK(shown(*passes, 0) == "true");
  CHECK(shown(*passes, 3) == "false");
  CHECK(shown(*passes, 4) == "NULL");
  const auto value = plan.aggregates[1].argument->evaluate(rows, errors);
  CHECK(shown(*value, 0) == "12.3");
  CHECK(shown(*value, 1) == "-5");
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].row == 2);
  CHECK(value->is_null(2));
  CHECK(value->is_null(4));
}

TEST_CASE("what a view is follows from its grouping, its window and its options") {
  const auto names = catalog_of(words_catalog);
  const auto stateless = view_of("CREATE MATERIALIZED VIEW e AS SELECT source, * FROM t", names);
  CHECK_FALSE(stateless.grouped);
  CHECK(stateless.kind == view_kind::append);
  CHECK(stateless.key_columns.empty());
  CHECK(stateless.source_column == 0);
  CHECK(stateless.output.size() == 9);

  const auto changes = view_of(
      "CREATE MATERIALIZED VIEW e WITH (emit = changes) AS SELECT window_start, window_end, count(*) FROM tumble(t, '1 "
      "s') "
      "GROUP BY 1, 2",
      names);
  CHECK(changes.kind == view_kind::upsert);
  CHECK(changes.key_columns == std::vector<std::size_t>{0});

  const auto running = view_of(
      "CREATE MATERIALIZED VIEW e WITH (ttl = '7 days') AS SELECT upper(k) AS name, sum(x) FROM t GROUP BY name",
      names);
  CHECK(running.kind == view_kind::upsert);
  CHECK(running.ttl_us == 7 * 86'400'000'000LL);
  CHECK(running.keys.size() == 1);

  const auto outward = view_of(
      "CREATE MATERIALIZED VIEW e WITH (topic = 'out-1', format = 'csv', delimiter = ';') AS SELECT k FROM t", names);
  CHECK(outward.topic == "out-1");
  CHECK(outward.topic_format == format_spec{"csv", {{"delimiter", ";"}}});
  CHECK(running.topic.empty());

  const auto over_upsert = view_of("CREATE MATERIALIZED VIEW e AS SELECT c * 2 AS twice, k FROM u WHERE c > 1", names);
  CHECK(over_upsert.kind == view_kind::upsert);
  CHECK(over_upsert.input_kind == view_kind::upsert);
  CHECK(over_upsert.key_columns == std::vector<std::size_t>{1});

  const auto global = view_of(
      "CREATE MATERIALIZED VIEW e AS SELECT window_start, count(*) FROM tumble(w, '1 minute') GROUP BY window_start",
      names);
  CHECK(global.keys.empty());
  CHECK(global.key_columns == std::vector<std::size_t>{0});

  const auto distinct = view_of("CREATE MATERIALIZED VIEW e WITH (max_rows = 5) AS SELECT DISTINCT k, n FROM t", names);
  CHECK(distinct.grouped);
  CHECK(distinct.keys.size() == 2);
  CHECK(distinct.key_columns == std::vector<std::size_t>{0, 1});
}

TEST_CASE("the source is followed through stateless and source-keyed views") {
  const auto names = catalog_of(R"sql(
CREATE TABLE t (k text, x double precision) WITH (format = 'json');
CREATE MATERIALIZED VIEW a AS SELECT source AS station, k, x FROM t;
CREATE MATERIALIZED VIEW b AS SELECT window_start, station, k, sum(x) AS s FROM tumble(a, '1 hour') GROUP BY 1, 2, 3;
CREATE MATERIALIZED VIEW c AS SELECT window_start, station, sum(s) AS s FROM tumble(b, '1 day') GROUP BY 1, 2;
CREATE MATERIALIZED VIEW d AS SELECT window_start, k, sum(s) AS s FROM tumble(b, '1 day') GROUP BY 1, 2;
)sql");
  CHECK(names.views.at("a").source_column == 0);
  CHECK(names.views.at("b").keyed_by_source);
  CHECK(names.views.at("b").source_column == 1);
  CHECK(names.views.at("c").keyed_by_source);
  CHECK_FALSE(names.views.at("d").keyed_by_source);
  CHECK_FALSE(names.views.at("d").source_column.has_value());
}

TEST_CASE("equal expressions are one aggregate and match their group key wherever they stand") {
  const auto names = catalog_of(words_catalog);
  const auto plan = view_of(
      "CREATE MATERIALIZED VIEW e WITH (max_rows = 5) AS SELECT n % 3 AS m, (n % 3) + 1 AS next, sum(x) AS s, sum(x) / "
      "count(*) AS mean "
      "FROM t GROUP BY n % 3 HAVING sum(x) > 1",
      names);
  CHECK(plan.keys.size() == 1);
  CHECK(plan.aggregates.size() == 2);
  CHECK(plan.output[0]->input_column() == 0);
}

TEST_CASE("a stream's declaration keeps its time, format and limits") {
  const auto names = catalog_of(
      "CREATE TABLE s (at bigint NOT NULL, v real, ok boolean) WITH (format = csv, event_time = 'at', event_time_unit "
      "= ms, "
      "lateness = '2 s', idle = '10 s', max_future = '1 hour', delimiter = ';', retention = '30 days')");
  const auto& s = names.streams.at("s");
  CHECK(s.event_time == 0);
  CHECK(s.event_time_unit_us == 1000);
  CHECK(s.lateness_us == 2'000'000);
  CHECK(s.idle_us == 10'000'000);
  CHECK(s.max_future_us == 3'600'000'000);
  CHECK(s.retention_us == 30LL * 24 * 3'600'000'000);
  CHECK(s.format == format_spec{"csv", {{"delimiter", ";"}}});
  CHECK(s.columns->fields[0] == field{"at", data_type::bigint, true});
  CHECK(s.columns->fields[1].type == data_type::double_precision);
}

TEST_CASE("a column named source hides what weir adds") {
  const auto plan = view_of(
      "CREATE TABLE s (source text) WITH (format = 'json');"
      "CREATE MATERIALIZED VIEW e WITH (max_rows = 5) AS SELECT source, count(*) FROM s GROUP BY source");
  CHECK_FALSE(plan.keyed_by_source);
  CHECK(plan.input_fields[0].from == input_field::origin::column);
}

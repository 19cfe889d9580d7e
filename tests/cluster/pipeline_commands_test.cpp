#include <catch2/catch.hpp>

#include "runtime/fault/protocol_rules.hpp"
#include "tests/cluster/control_fixture.hpp"

using namespace weir;

TEST_CASE("a new pipeline brings its streams and its views") {
  control_fixture c;
  CHECK(c.take(c.apply("socks", socks_sql)) == 2);
  CHECK(c.state.pipelines.at("socks").incarnation == 1);
  CHECK(c.state.streams.at("camera").pipeline == "socks");
  CHECK(c.plan->names.streams.contains("camera"));
  REQUIRE(c.plan->pipelines.at("socks").views.size() == 1);
  CHECK(c.plan->pipelines.at("socks").views[0].input == "camera");
  CHECK(c.plan->names.views.contains("socks"));
}

TEST_CASE("the same SQL again changes nothing") {
  control_fixture c;
  c.take(c.apply("socks", socks_sql));
  CHECK(c.take(c.apply("socks", socks_sql)) == 0);
  CHECK(c.take(c.apply("socks", socks_sql, true)) == 0);
}

TEST_CASE("another SQL under the same name needs replace, which raises the incarnation") {
  control_fixture c;
  c.take(c.apply("socks", socks_sql));
  const std::string changed =
      camera_sql + "CREATE MATERIALIZED VIEW socks AS SELECT image, probability FROM camera WHERE image <> 'Mongo';\n";
  const error e = refused(c.apply("socks", changed));
  CHECK(e.code == errc::conflict);
  CHECK(mentions(e, "--replace"));
  CHECK(c.take(c.apply("socks", changed, true)) == 1);
  CHECK(c.state.pipelines.at("socks").incarnation == 2);
  CHECK(c.state.pipelines.at("socks").first_incarnation == 1);
  CHECK(c.state.pipelines.at("socks").sql == changed);
}

TEST_CASE("a dropped pipeline that comes again goes on with its incarnations") {
  control_fixture c;
  c.take(c.apply("socks", socks_sql));
  CHECK(c.take(drop_pipeline(*c.plan, "socks")) == 2);
  CHECK(c.state.pipelines.empty());
  CHECK(c.state.streams.empty());
  c.take(c.apply("socks", socks_sql));
  CHECK(c.state.pipelines.at("socks").incarnation == 2);
  CHECK(c.state.pipelines.at("socks").first_incarnation == 2);
}

TEST_CASE("a changed CREATE TABLE of an existing stream is refused with a hint") {
  control_fixture c;
  c.take(c.apply("socks", socks_sql));
  const std::string changed =
      "CREATE TABLE camera (image text NOT NULL) WITH (format = 'json', lateness = '2 s');\n"
      "CREATE MATERIALIZED VIEW socks AS SELECT image FROM camera;\n";
  const error e = refused(c.apply("socks", changed, true));
  CHECK(e.code == errc::conflict);
  CHECK(mentions(e, "stream camera exists with another declaration"));
  CHECK(mentions(e, "another name"));
}

TEST_CASE("the same CREATE TABLE in other words is the same stream") {
  control_fixture c;
  c.take(c.apply("socks", socks_sql));
  const std::string other_words =
      "create table camera(image text not null,probability double precision)"
      " with (lateness='2 seconds', format='json');\n"
      "CREATE MATERIALIZED VIEW socks AS SELECT image, probability FROM camera;\n";
  CHECK(c.take(c.apply("socks", other_words, true)) == 1);
}

TEST_CASE("a stream that stands may get another retention, or none of its own, also while others read it") {
  const auto script = [](const char* retention) {
    return fmt::format(
        "CREATE TABLE camera (image text NOT NULL, probability double precision) WITH (format = 'json', lateness = '2 "
        "s'{});\nCREATE MATERIALIZED VIEW socks AS SELECT image, probability FROM camera;\n",
        retention);
  };
  control_fixture c;
  c.take(c.apply("socks", script("")));
  c.take(c.apply("a", sure_sql));
  CHECK(c.plan->names.streams.at("camera").retention_us == 0);
  CHECK(c.take(c.apply("socks", script(", retention = '30 days'"), true)) == 2);
  CHECK(c.plan->names.streams.at("camera").retention_us == 30LL * 24 * 3'600'000'000);
  CHECK(c.take(c.apply("socks", script(", retention = '30 days'") + "-- once more\n", true)) == 1);
  CHECK(c.take(c.apply("socks", script(""), true)) == 2);
  CHECK(c.plan->names.streams.at("camera").retention_us == 0);
}

TEST_CASE("names of another pipeline are refused") {
  control_fixture c;
  c.take(c.apply("socks", socks_sql));
  CHECK(mentions(refused(c.apply("other", camera_sql)), "camera"));
  const error view = refused(c.apply("other", "CREATE MATERIALIZED VIEW socks AS SELECT image FROM camera;"));
  CHECK(mentions(view, "socks"));
  CHECK(mentions(refused(c.apply("other", "CREATE TABLE socks (a text) WITH (format = 'json');")), "socks"));
}

TEST_CASE("what others read cannot be dropped, by a replacement neither") {
  control_fixture c;
  c.take(c.apply("socks", socks_sql));
  c.take(c.apply("a", sure_sql));
  const std::string without = camera_sql + "CREATE MATERIALIZED VIEW sock AS SELECT image FROM camera;\n";
  for (const error& e : {refused(drop_pipeline(*c.plan, "socks")), refused(c.apply("socks", without, true))}) {
    CHECK(e.code == errc::conflict);
    CHECK(mentions(e, "view sure of pipeline a"));
  }
  CHECK(c.take(c.apply("socks", socks_sql + "-- changed\n", true)) == 1);  // the view stands as it was
  c.take(drop_pipeline(*c.plan, "a"));
  c.take(drop_pipeline(*c.plan, "socks"));
}

TEST_CASE("a view of a replaced pipeline keeps its columns, its key and its kind") {
  const auto view = [](const std::string& select) {
    return camera_sql + "CREATE MATERIALIZED VIEW v WITH (max_rows = 9) AS " + select + ";\n";
  };
  control_fixture c;
  c.take(c.apply("p", view("SELECT image, count(*) AS n FROM camera GROUP BY image")));
  for (const char* other : {"SELECT image, count(*) AS m FROM camera GROUP BY image",
                            "SELECT image, sum(probability) AS n FROM camera GROUP BY image",
                            "SELECT image, count(*) AS n, max(probability) AS most FROM camera GROUP BY image"}) {
    const error e = refused(c.apply("p", view(other), true));
    INFO(e.text());
    CHECK(e.code == errc::conflict);
    CHECK(mentions(e, "view v would become"));
    CHECK(mentions(e, "another name"));
  }
  CHECK(c.take(c.apply("p", view("SELECT image, count(*) AS n FROM camera WHERE image <> 'x' GROUP BY image"), true)) ==
        1);
}

TEST_CASE("a stream that others read or sources fill cannot be dropped") {
  control_fixture c;
  c.take(c.apply("cameras", camera_sql));
  c.take(c.apply("reads", "CREATE MATERIALIZED VIEW seen AS SELECT image FROM camera;"));
  c.take(add_sources(*c.plan, {source_of("cam-1"), source_of("cam-2")}));
  const error e = refused(drop_pipeline(*c.plan, "cameras"));
  CHECK(e.code == errc::conflict);
  CHECK(mentions(e, "view seen of pipeline reads, source cam-1, source cam-2"));
  // Replacing the file by one without the stream drops it as well.
  CHECK(mentions(refused(c.apply("cameras", "CREATE TABLE other (a text) WITH (format = 'json');", true)),
                 "source cam-1"));
  c.take(drop_pipeline(*c.plan, "reads"));
  c.take(remove_source(*c.plan, "cam-1"));
  c.take(remove_source(*c.plan, "cam-2"));
  c.take(drop_pipeline(*c.plan, "cameras"));
  CHECK(c.state.streams.empty());
}

TEST_CASE("pipelines are planned in the order of what they read, whatever their names") {
  control_fixture c;
  c.take(c.apply("z", socks_sql));
  c.take(c.apply("m", sure_sql));
  c.take(c.apply("a", "CREATE MATERIALIZED VIEW last AS SELECT image FROM sure;"));
  CHECK(c.plan->pipelines.size() == 3);
  for (const auto& [name, planned] : c.plan->pipelines) {
    CHECK(planned.views.size() == 1);
    CHECK(planned.record.state == run_state::running);
  }
}

TEST_CASE("a pipeline that cannot be planned stops alone") {
  control_fixture c;
  c.take(c.apply("socks", socks_sql));
  REQUIRE(fold_control(
      c.state,
      {50, "pipeline/bad", to_record(pipeline_record{"bad", "CREATE NONSENSE;", 1, true, {}, {}}).value, {}, 0}));
  c.plan = plan_control(c.state).value();
  CHECK(c.plan->pipelines.at("bad").record.state == run_state::quarantined);
  CHECK_FALSE(c.plan->pipelines.at("bad").record.error.empty());
  CHECK(c.plan->pipelines.at("bad").views.empty());
  CHECK(c.plan->pipelines.at("socks").views.size() == 1);
  c.take(drop_pipeline(*c.plan, "bad"));
}

TEST_CASE("SQL that is wrong, empty, too long or no UTF-8 is refused") {
  control_fixture c;
  CHECK_FALSE(mentions(refused(c.apply("p", "CREATE MATERIALIZED VIEW v AS SELECT a FROM nowhere;")), "internal"));
  refused(c.apply("p", ""));
  refused(c.apply("p", "-- \xff\n" + camera_sql));
  control_limits limits;
  limits.script_bytes = 10;
  const auto long_script = apply_pipeline(*c.plan, "p", camera_sql, false, true, limits);
  CHECK(refused(long_script).code == errc::limit_exceeded);
}

TEST_CASE("names that cannot be part of a topic's name are refused") {
  control_fixture c;
  for (const char* name : {"", "a.b", "a b", "a/b", "\xc3\xa9"})
    CHECK(refused(c.apply(name, socks_sql)).code == errc::invalid_argument);
  CHECK(refused(c.apply(std::string(64, 'x'), socks_sql)).code == errc::invalid_argument);
  CHECK(mentions(refused(c.apply("p", "CREATE TABLE \"a.b\" (a text) WITH (format = 'json');")), "a.b"));
}

TEST_CASE("streams and views over their limits are refused") {
  control_fixture c;
  control_limits limits;
  limits.streams = 1;
  limits.views = 1;
  c.take(apply_pipeline(*c.plan, "socks", socks_sql, false, true, limits));
  const auto view = apply_pipeline(*c.plan, "a", sure_sql, false, true, limits);
  CHECK(mentions(refused(view), "limits.views = 1"));
  const auto stream =
      apply_pipeline(*c.plan, "b", "CREATE TABLE other (a text) WITH (format = 'json');", false, true, limits);
  CHECK(mentions(refused(stream), "limits.streams = 1"));
}

TEST_CASE("a pipeline is quarantined with its error and runs again without it") {
  control_fixture c;
  c.take(c.apply("socks", socks_sql));
  CHECK(c.take(set_pipeline_state(*c.plan, "socks", run_state::quarantined, std::string(100'000, 'e'))) == 1);
  CHECK(c.state.pipelines.at("socks").error.size() == 8 * 1024);
  CHECK(c.take(set_pipeline_state(*c.plan, "socks", run_state::running, "")) == 1);
  CHECK(c.take(set_pipeline_state(*c.plan, "socks", run_state::running, "")) == 0);
  CHECK(c.state.pipelines.at("socks").error.empty());
  CHECK(c.state.pipelines.at("socks").incarnation == 1);
  CHECK(refused(set_pipeline_state(*c.plan, "none", run_state::paused, "")).code == errc::not_found);
  CHECK(refused(drop_pipeline(*c.plan, "none")).code == errc::not_found);
}

TEST_CASE("a deployment's numbers are fixed when it is made (rule 1)") {
  control_fixture c;
  CHECK(c.take(set_deployment(c.state, {4, 4})) == 1);
  CHECK(c.take(set_deployment(c.state, {4, 4})) == 0);
  const error e = refused(set_deployment(c.state, {8, 4}));
  CHECK(e.code == errc::conflict);
  CHECK(mentions(e, "made with 4 shards"));
  CHECK(mentions(e, "the config says 8"));
  CHECK(mentions(e, "set node.shards = 4"));
  const error writers = refused(set_deployment(c.state, {4, 4, 2}));
  CHECK(mentions(writers, "made with 1 shards per writer, the config says 2"));
  CHECK(mentions(writers, "set log.kafka.shards_per_writer = 1"));
  const rule_switched_off off(1);
  CHECK(set_deployment(c.state, {8, 4}));
}
